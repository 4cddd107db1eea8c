import { createHash } from "node:crypto";
import { bytesOf, openSink, readFully, withFile } from "../prepare/files.js";
import type { RankedTable } from "./rank-rows.js";

/** Writes what the new ids of a table stand for: `original[id]` and, in the same order, the keys of its vocabulary. */
export interface WriteOriginalsOptions {
  readonly table: RankedTable;
  /** File of uint32 `original[id]`. */
  readonly to: string;
  readonly vocabulary: { readonly from: string; readonly to: string } | null;
}

export function writeOriginals({ table, to, vocabulary }: WriteOriginalsOptions): void {
  writeBlocks(to, originalIds(table));
  if (vocabulary === null) return;
  const { from } = vocabulary;
  const keys = new Int32Array(table.newIds.length);
  withFile(from, "r", (file) => readFully(file, bytesOf(keys), 0, from));
  writeBlocks(vocabulary.to, originalIds(table), keys);
}

/** sha256 of `original[id]` of all tables, one after the other. */
export function digestOriginals(tables: readonly RankedTable[]): string {
  const hash = createHash("sha256");
  for (const table of tables) for (const ids of originalIds(table)) hash.update(bytesOf(ids));
  return hash.digest("hex");
}

const blockRows = 1 << 17;

/** Original ids in the order of the new ones, in blocks; a block is good until the next. */
function* originalIds({ newIds, popular }: RankedTable): Generator<Int32Array, void, undefined> {
  const seen = popular.length;
  for (let id = 0; id < seen; id += blockRows) yield popular.subarray(id, id + blockRows);
  const block = new Int32Array(Math.min(blockRows, newIds.length - seen));
  let original = 0;
  for (let left = newIds.length - seen; left > 0; ) {
    const ids = block.subarray(0, Math.min(block.length, left));
    original = takeUnseen(newIds, seen, original, ids);
    left -= ids.length;
    yield ids;
  }
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
    for (const ids of blocks) sink.write(bytesOf(keys ? ids.map((id) => keys[id]) : ids));
    sink.close();
  } catch (error) {
    sink.abandon();
    throw error;
  }
}
