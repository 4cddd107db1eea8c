import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "@fae/core";
import type { Manifest } from "@fae/datasets";
import { inverseOrder, popularityOrder } from "@fae/embedding-store";

export interface ReorderedTable {
  /** New id of each old id, in shared memory. */
  readonly newIds: Uint32Array;
  readonly originalIdsFile: string;
}

/**
 * Puts one table in popularity order: writes `original/<name>.u32` (old id of each new id) and, where there is a vocabulary,
 * `vocab/` in the new order.
 * @param counts accesses by old id
 */
export function reorderTable(
  from: string,
  to: string,
  { name, rows, vocabulary }: Manifest["tables"][number],
  counts: Uint32Array,
): ReorderedTable {
  if (counts.length !== rows) {
    throw new DataError(`The profile counts ${counts.length} rows of table '${name}', the data have ${rows}.`, {
      fix: "Profile this data set again.",
      details: { table: name, found: counts.length, expected: rows },
    });
  }
  const original = popularityOrder(counts);
  const newIds = new Uint32Array(new SharedArrayBuffer(4 * rows));
  newIds.set(inverseOrder(original));
  const originalIdsFile = `original/${name}.u32`;
  writeDurably(to, "original", originalIdsFile, original);
  if (vocabulary) writeDurably(to, "vocab", vocabulary.file, reorderedKeys(join(from, vocabulary.file), original));
  return { newIds, originalIdsFile };
}

function reorderedKeys(path: string, original: Uint32Array): Int32Array {
  const bytes = readFileSync(path);
  const keys = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  return Int32Array.from(original, (id) => keys[id]);
}

function writeDurably(root: string, folder: string, name: string, words: Uint32Array | Int32Array): void {
  mkdirSync(join(root, folder), { recursive: true });
  const file = openSync(join(root, name), "w");
  try {
    const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, done);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
