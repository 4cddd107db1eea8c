import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { ConfigError, type OptimizerSpec, type Program, type Session } from "@fae/core";
import {
  type CheckpointManifest,
  checkpointName,
  formatManifest,
  listCheckpoints,
  manifestName,
  programDigest,
} from "./checkpoint-manifest.js";
import {
  denseTensors,
  inverseOf,
  type OriginalIds,
  rowParts,
  sessionRows,
  type TensorShape,
  tableTensors,
} from "./checkpoint-tensors.js";
import { createFile, type Disk, disk } from "./disk.js";
import { isOtherAlive, processTag, tagPattern } from "./process-tag.js";
import { streamSafetensors, type TensorSource, type WrittenFile } from "./safetensors-write.js";

export interface SaveOptions {
  /** A session, or whatever else has its tensors by their session names. */
  readonly session: Pick<Session, "read">;
  readonly program: Program;
  readonly optimizer: OptimizerSpec;
  /** By table name, for tables in popularity order: rows are saved in original ids. */
  readonly originalIds?: Readonly<Record<string, OriginalIds>>;
  /** Any JSON value that resuming needs: position, scheduler. Comes back as it is. */
  readonly state?: unknown;
  /** Digest of the data set before packing: restoring into a run over other data is refused. */
  readonly data?: string;
  /** Checkpoints to keep in the directory, this one included; default 2. */
  readonly keep?: number;
  /** Rows held in memory at a time, in bytes; default 16 MiB. */
  readonly chunkBytes?: number;
  readonly disk?: Disk;
}

export interface SavedCheckpoint {
  readonly path: string;
  readonly step: number;
  readonly bytes: number;
}

/**
 * Saves a whole session as a new checkpoint in the directory `root`: one safetensors file per table with its optimizer
 * state, one with the dense parameters, a manifest with sizes and digests. It is written beside, synced and renamed, so it
 * is there complete or not at all; earlier ones beyond `keep` are removed afterwards. Do not run segments meanwhile.
 *
 * @throws ConfigError when `state` does not survive JSON or `keep` is below 1, FaeError `ERR_DISK_FULL`.
 */
export async function saveCheckpoint(root: string, options: SaveOptions): Promise<SavedCheckpoint> {
  const { session, program, optimizer, state = null, keep = 2, disk: on = disk } = options;
  checkOptions(state, keep);
  await on.makeDirectory(root);
  await removeUnfinished(root, on);
  const [step] = await session.read("#step");
  const beside = join(root, `.partial-${processTag()}.${step}`);
  try {
    await on.makeDirectory(beside);
    const files = await writeTensors(beside, options);
    const manifest: CheckpointManifest = {
      format: "fae-checkpoint",
      version: 1,
      program: {
        name: program.name,
        digest: programDigest(program),
        width: program.width,
        tables: program.tables.map(({ name, rows }) => ({ name, rows })),
        params: program.params.map(({ name, shape }) => ({ name, shape: [...shape] })),
      },
      optimizer: { ...optimizer },
      step,
      data: options.data ?? null,
      files: files.map(({ name, tensors, written }) => ({
        name,
        bytes: written.bytes,
        sha256: written.sha256,
        tensors: tensors.map((tensor) => tensor.name),
      })),
      state: state as CheckpointManifest["state"],
    };
    const text = new TextEncoder().encode(formatManifest(manifest));
    await createFile(on, join(beside, manifestName), (write) => write(text));
    await on.syncDirectory(beside);
    const same = (await listCheckpoints(root)).filter((entry) => entry.step === step);
    const path = join(root, checkpointName(step, same.length === 0 ? 0 : Math.max(...same.map((e) => e.copy)) + 1));
    await on.rename(beside, path);
    await on.syncDirectory(root);
    await removeOld(root, keep, on);
    return { path, step, bytes: files.reduce((sum, file) => sum + file.written.bytes, text.byteLength) };
  } catch (error) {
    await on.remove(beside).catch(() => {}); // the first error is the one to tell
    throw error;
  }
}

function checkOptions(state: unknown, keep: number): void {
  if (!Number.isInteger(keep) || keep < 1)
    throw new ConfigError(`Option 'keep' is ${keep}.`, {
      fix: "Keep at least 1 checkpoint.",
      details: { option: "keep", found: keep },
    });
  const text = JSON.stringify(state);
  if (text === undefined || !isDeepStrictEqual(JSON.parse(text), state))
    throw new ConfigError("The state to save is changed by JSON.", {
      fix: "Use plain objects, arrays, strings, finite numbers, booleans and null.",
      details: { option: "state" },
    });
}

interface CheckpointFile {
  readonly name: string;
  readonly tensors: readonly TensorShape[];
  readonly written: WrittenFile;
}

async function writeTensors(directory: string, options: SaveOptions): Promise<CheckpointFile[]> {
  const { session, program, optimizer, originalIds = {}, chunkBytes = 16 * 2 ** 20, disk: on = disk } = options;
  const files: CheckpointFile[] = [];
  const write = async (name: string, tensors: readonly TensorShape[], sources: TensorSource[]): Promise<void> => {
    files.push({ name, tensors, written: await streamSafetensors(join(directory, name), sources, { disk: on }) });
  };
  const dense = denseTensors(program, optimizer.name);
  await write(
    "dense.safetensors",
    dense,
    dense.map(({ name, shape }) => ({ name, shape, dtype: "F32", data: () => inTurn([() => session.read(name)]) })),
  );
  for (const [t, tensors] of tableTensors(program, optimizer.name).entries()) {
    const inverse = await inverseOf(originalIds[program.tables[t].name], program.tables[t]);
    const source = ({ name, shape }: TensorShape): TensorSource => ({
      name,
      shape,
      dtype: "F32",
      data: () =>
        inTurn(
          [...rowParts(shape, chunkBytes)].map(
            ({ from, to }) =>
              () =>
                session.read(name, sessionRows(inverse, from, to)),
          ),
        ),
    });
    await write(`table-${String(t).padStart(4, "0")}.safetensors`, tensors, tensors.map(source));
  }
  return files;
}

/** Results of reads in order, the next read under way while one is used. */
async function* inTurn<A>(reads: readonly (() => Promise<A>)[]): AsyncGenerator<A> {
  let next: Promise<A> | undefined;
  for (const [i, read] of reads.entries()) {
    const current = next ?? read();
    next = undefined;
    const value = await current;
    next = reads[i + 1]?.();
    next?.catch(() => {}); // told when its turn comes; nobody waits for it if the consumer stops
    yield value;
  }
}

/** Removes what a killed process has left behind. */
async function removeUnfinished(root: string, on: Disk): Promise<void> {
  for (const name of await readdir(root)) {
    const [, tag] = unfinished.exec(name) ?? [];
    if (tag !== undefined && !isOtherAlive(tag)) await on.remove(join(root, name));
  }
}

const unfinished = new RegExp(`^\\.(?:partial|old)-(${tagPattern})\\.`);

/** A checkpoint gets another name before it is removed: a half-removed one is never taken for one. */
async function removeOld(root: string, keep: number, on: Disk): Promise<void> {
  const old = (await listCheckpoints(root)).slice(0, -keep);
  for (const { path, step, copy } of old) {
    const gone = join(root, `.old-${processTag()}.${checkpointName(step, copy)}`);
    await on.rename(path, gone);
    await on.remove(gone);
  }
}
