import { existsSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { Worker } from "node:worker_threads";
import { ConfigError, checkArguments, checkOptions, type ErrorMessage, errorFromMessage, is } from "@fae/core";
import { saveKinds, sourceKinds } from "./call-kinds.js";
import {
  type CheckpointContent,
  type CheckpointSource,
  type ContentFile,
  sessionContent,
} from "./checkpoint-content.js";
import { type SavedCheckpoint, writeContent } from "./checkpoint-write.js";
import { type Disk, disk } from "./disk.js";
import type { Chunk } from "./safetensors-write.js";

interface KeepOptions {
  /** Checkpoints to keep in the directory, this one included; default 2. Full ones that a kept one builds on stay too. */
  readonly keep?: number;
}

export interface SaveOptions extends CheckpointSource, KeepOptions {
  readonly disk?: Disk;
}

/**
 * Saves a session as a new checkpoint in the directory `root`: one safetensors file per table with its optimizer state, one
 * with the dense parameters, a manifest with sizes and digests; with `changed` one file of changed rows in place of the
 * tables. It is written beside, synced and renamed, so it is there complete or not at all; earlier ones beyond `keep` are
 * removed afterwards. Rows pass through memory `chunkBytes` at a time. Do not run segments meanwhile: see
 * `snapshotCheckpoint`.
 *
 * @throws ConfigError when `state` does not survive JSON or `keep` is below 1, DataError when the full checkpoint that
 * `changed` names is not there, FaeError `ERR_DISK_FULL`.
 */
export async function saveCheckpoint(root: string, options: SaveOptions): Promise<SavedCheckpoint> {
  checkArguments("saveCheckpoint", { root: [root, is.text] });
  checkOptions<SaveOptions>("saveCheckpoint", options, saveKinds);
  const { keep = 2, disk: on = disk, ...source } = options;
  checkKeep(keep);
  checkState(source.state);
  return writeContent(root, await sessionContent(source), { keep, disk: on });
}

/** A checkpoint in memory: the session that it was taken of may go on. */
export interface CheckpointSnapshot {
  readonly step: number;
  /** Memory that it takes until it is saved. */
  readonly bytes: number;
  /** As `saveCheckpoint`, once; digests and files are made on a thread of their own. The memory is free when it is done. */
  save(root: string, options?: KeepOptions): Promise<SavedCheckpoint>;
}

/**
 * Copies what a checkpoint needs out of a session: `checkpointBytes` and two chunks of memory. Once it is there, segments may
 * run again. @throws ConfigError as `saveCheckpoint`
 */
export async function snapshotCheckpoint(source: CheckpointSource): Promise<CheckpointSnapshot> {
  checkOptions<CheckpointSource>("snapshotCheckpoint", source, sourceKinds);
  checkState(source.state);
  const content = await sessionContent(source);
  const files: SnapshotFile[] = [];
  let bytes = 0;
  for await (const { name, tensors } of content.files) {
    const copies: SnapshotFile["tensors"][number][] = [];
    for (const { data, ...tensor } of tensors) {
      const chunks: Chunk[] = [];
      for await (const chunk of typeof data === "function" ? data() : [data]) {
        bytes += chunk.byteLength;
        chunks.push(chunk);
      }
      copies.push({ ...tensor, chunks });
    }
    files.push({ name, tensors: copies });
  }
  return {
    step: content.head.step,
    bytes,
    async save(root, { keep = 2 } = {}) {
      checkKeep(keep);
      const task: SaveTask = { root, keep, head: content.head, files: files.splice(0) };
      return existsSync(threadFile) ? onThread(task) : saveSnapshot(task);
    },
  };
}

interface SnapshotFile {
  readonly name: string;
  readonly tensors: readonly (Omit<ContentFile["tensors"][number], "data"> & { readonly chunks: Chunk[] })[];
}

/** Plain data: crosses to the thread. */
export interface SaveTask {
  readonly root: string;
  readonly keep: number;
  readonly head: CheckpointContent["head"];
  readonly files: readonly SnapshotFile[];
}

export type SaveReply = { readonly saved: SavedCheckpoint } | { readonly error: ErrorMessage };

/** Writes a snapshot, letting go of each chunk when it is written. */
export const saveSnapshot = ({ root, keep, head, files }: SaveTask): Promise<SavedCheckpoint> =>
  writeContent(
    root,
    {
      head,
      files: files.map(({ name, tensors }) => ({
        name,
        tensors: tensors.map(({ chunks, ...tensor }) => ({ ...tensor, data: () => drained(chunks) })),
      })),
    },
    { keep, disk },
  );

function* drained(chunks: Chunk[]): Generator<Chunk> {
  for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) yield chunk;
}

/**
 * The published package has the thread's code in a file of its own beside this one. From source there is none, and a snapshot
 * is written by the calling thread: the same code, between the other things that it does.
 */
const threadFile = new URL("./save-thread.js", import.meta.url);

function onThread(task: SaveTask): Promise<SavedCheckpoint> {
  const chunks = task.files.flatMap(({ tensors }) => tensors.flatMap((tensor) => tensor.chunks));
  return new Promise((resolve, reject) => {
    const thread = new Worker(threadFile, {
      name: "fae-checkpoint",
      execArgv: [], // options of the process may not go with a file, such as --input-type
      workerData: task,
      transferList: [...new Set(chunks.map(({ buffer }) => buffer as ArrayBuffer))],
    });
    thread.once("message", (reply: SaveReply) =>
      "saved" in reply ? resolve(reply.saved) : reject(errorFromMessage(reply.error)),
    );
    thread.once("error", reject);
    thread.once("exit", (code) => reject(new Error(`The thread that writes the checkpoint ended with ${code}.`)));
  });
}

function checkKeep(keep: number): void {
  if (Number.isInteger(keep) && keep >= 1) return;
  throw new ConfigError(`Option 'keep' is ${keep}.`, {
    fix: "Keep at least 1 checkpoint.",
    details: { option: "keep", found: keep },
  });
}

function checkState(state: unknown = null): void {
  const text = JSON.stringify(state);
  if (text !== undefined && isDeepStrictEqual(JSON.parse(text), state)) return;
  throw new ConfigError("The state to save is changed by JSON.", {
    fix: "Use plain objects, arrays, strings, finite numbers, booleans and null.",
    details: { option: "state" },
  });
}
