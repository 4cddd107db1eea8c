import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { DataError, isOtherAlive, processTag, tagPattern } from "@fae/core";
import type { CheckpointContent } from "./checkpoint-content.js";
import { baseNameOf, checkpointName, listCheckpoints, manifestName } from "./checkpoint-list.js";
import {
  type BaseReference,
  baseReference,
  type CheckpointManifest,
  formatManifest,
  openCheckpoint,
} from "./checkpoint-manifest.js";
import { createFile, type Disk, disk } from "./disk.js";
import { streamSafetensors } from "./safetensors-write.js";

export interface SavedCheckpoint {
  readonly path: string;
  readonly step: number;
  readonly bytes: number;
  /** The full checkpoint that later ones of changed rows can refer to: this one, or the one that it refers to. */
  readonly base: BaseReference;
}

export interface WriteContentOptions {
  readonly keep: number;
  readonly disk: Disk;
}

/** Writes a checkpoint beside, syncs and renames it; then removes those that are neither kept nor the base of a kept one. */
export async function writeContent(
  root: string,
  { head, files }: CheckpointContent,
  { keep, disk: on }: WriteContentOptions,
): Promise<SavedCheckpoint> {
  await on.makeDirectory(root);
  await removeUnfinished(root, on);
  if (head.base) await expectBase(root, head.base);
  const beside = join(root, `.partial-${processTag()}.${head.step}`);
  try {
    await on.makeDirectory(beside);
    const manifest: CheckpointManifest = { ...head, files: await writeFiles(beside, files, on) };
    const text = new TextEncoder().encode(formatManifest(manifest));
    await createFile(on, join(beside, manifestName), (write) => write(text));
    await on.syncDirectory(beside);
    const same = (await listCheckpoints(root)).filter((entry) => entry.step === head.step);
    const copy = same.length === 0 ? 0 : Math.max(...same.map((entry) => entry.copy)) + 1;
    const path = join(root, checkpointName(head.step, copy));
    await on.rename(beside, path);
    await on.syncDirectory(root);
    await removeOld(root, keep, on);
    return {
      path,
      step: head.step,
      bytes: manifest.files.reduce((sum, file) => sum + file.bytes, text.byteLength),
      base: head.base ?? baseReference({ path, manifest, base: null }),
    };
  } catch (error) {
    await on.remove(beside).catch(() => {}); // the first error is the one to tell
    throw error;
  }
}

async function writeFiles(
  directory: string,
  files: CheckpointContent["files"],
  on: Disk,
): Promise<CheckpointManifest["files"]> {
  const written: CheckpointManifest["files"] = [];
  for await (const { name, tensors } of files) {
    const { bytes, sha256 } = await streamSafetensors(join(directory, name), tensors, { disk: on });
    written.push({ name, bytes, sha256, tensors: tensors.map((tensor) => tensor.name) });
  }
  return written;
}

async function expectBase(root: string, { name, digest }: BaseReference): Promise<void> {
  const found = baseReference(await openCheckpoint(join(root, name)));
  if (found.name === name && found.digest === digest) return;
  throw new DataError(`Checkpoint '${join(root, name)}' is not the one that the rows changed since.`, {
    fix: "Save a full checkpoint.",
    details: { path: join(root, name), found: found.digest, expected: digest },
  });
}

const unfinished = new RegExp(`^\\.(?:partial|old)-(${tagPattern})\\.`);

/** Removes what a killed process has left behind. */
async function removeUnfinished(root: string, on: Disk): Promise<void> {
  for (const name of await readdir(root)) {
    const [, tag] = unfinished.exec(name) ?? [];
    if (tag !== undefined && !isOtherAlive(tag)) await on.remove(join(root, name));
  }
}

/** Keeps the newest, and what they build on. */
const removeOld = (root: string, keep: number, on: Disk): Promise<void> =>
  removeOthers(root, (all) => all.slice(-keep), on);

/** Removes the checkpoints in a directory but those of some steps, and what these build on. */
export const keepCheckpoints = (root: string, isKept: (step: number) => boolean, on: Disk = disk): Promise<void> =>
  removeOthers(root, (all) => all.filter(({ step }) => isKept(step)), on);

type Listed = Awaited<ReturnType<typeof listCheckpoints>>;

async function removeOthers(root: string, choose: (all: Listed) => Listed, on: Disk): Promise<void> {
  const all = await listCheckpoints(root);
  const kept = choose(all);
  const bases = await Promise.all(kept.map(({ path }) => baseNameOf(path)));
  // What a damaged one builds on cannot be told: everything stays until it is no longer among those to keep.
  if (bases.includes(undefined)) return;
  const old = all.filter((entry) => !kept.includes(entry) && !bases.includes(basename(entry.path)));
  // Newest first: a killed process leaves no checkpoint without its base.
  for (const { path } of old.reverse()) await removeCheckpoint(path, on);
}

/** Removes a checkpoint under another name: a half-removed one is never taken for one. */
async function removeCheckpoint(path: string, on: Disk): Promise<void> {
  const gone = join(path, "..", `.old-${processTag()}.${basename(path)}`);
  await on.rename(path, gone);
  await on.remove(gone);
}
