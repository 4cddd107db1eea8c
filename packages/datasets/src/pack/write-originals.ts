import { createHash } from "node:crypto";
import { bytesOf, openSink, readFully, withFile } from "../prepare/files.js";

/** The new ids of the rows of a table, by original id. Those from `seen` on rise with the original ids. */
export interface NewIds {
  readonly newIds: Int32Array;
  readonly seen: number;
}

/** Writes what the new ids of a table stand for: `original[id]` and, in the same order, the keys of its vocabulary. */
export interface WriteOriginalsOptions extends NewIds {
  /** File of uint32 `original[id]`. */
  readonly to: string;
  readonly vocabulary: { readonly from: string; readonly to: string } | null;
}

export function writeOriginals({ to, vocabulary, ...ids }: WriteOriginalsOptions): void {
  writeBlocks(to, originalIds(ids));
  if (vocabulary === null) return;
  const { from } = vocabulary;
  const keys = new Int32Array(ids.newIds.length);
  withFile(from, "r", (file) => readFully(file, bytesOf(keys), 0, from));
  writeBlocks(vocabulary.to, originalIds(ids), keys);
}

/** sha256 of `original[id]` of all tables, one after the other. */
export function digestOriginals(tables: readonly NewIds[]): string {
  const hash = createHash("sha256");
  for (const table of tables) for (const ids of originalIds(table)) hash.update(bytesOf(ids));
  return hash.digest("hex");
}

const blockRows = 1 << 17;

/** Original ids in the order of the new ones, in blocks; a block is good until the next. */
function* originalIds({ newIds, seen }: NewIds): Generator<Int32Array, void, undefined> {
  yield popularIds(newIds, seen);
  const block = new Int32Array(Math.min(blockRows, newIds.length - seen));
  let original = 0;
  for (let left = newIds.length - seen; left > 0; ) {
    const length = Math.min(block.length, left);
    original = takeUnseen(newIds, seen, original, block.subarray(0, length));
    left -= length;
    yield block.subarray(0, length);
  }
}

function popularIds(newIds: Int32Array, seen: number): Int32Array {
  const originals = new Int32Array(seen);
  for (let original = 0; original < newIds.length; original++) {
    const id = newIds[original];
    if (id < seen) originals[id] = original;
  }
  return originals;
}

/** Fills `block` with unseen ids from `original` on; returns where the next block goes on. */
function takeUnseen(newIds: Int32Array, seen: number, original: number, block: Int32Array): number {
  let at = original;
  for (let i = 0; i < block.length; at++) if (newIds[at] >= seen) block[i++] = at;
  return at;
}

/** @param keys what to write for an id; absent: the id itself. */
function writeBlocks(path: string, blocks: Iterable<Int32Array>, keys?: Int32Array): void {
  const sink = openSink(path, 0);
  try {
    for (const ids of blocks) {
      if (keys) for (let i = 0; i < ids.length; i++) ids[i] = keys[ids[i]];
      sink.write(bytesOf(ids));
    }
    sink.close();
  } catch (error) {
    sink.abandon();
    throw error;
  }
}
