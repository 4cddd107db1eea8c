import { join } from "node:path";
import { DataError, readOriginalIds } from "@fae/core";
import type { Manifest } from "./manifest.js";
import { bytesOf, readFully, withFile } from "./prepare/files.js";

/**
 * Raw keys of one table in the order of original ids, of a data set that is packed or not. Memory: 4 bytes a key, 12 while a
 * pack is read.
 * @param t position of the table
 * @throws DataError when the table has no vocabulary, or original ids of a pack are no permutation
 */
export function originalKeys(directory: string, { tables, packed }: Manifest, t: number): Int32Array {
  const { name, rows, vocabulary } = tables[t];
  if (vocabulary === null)
    throw new DataError(`'${directory}' has no vocabulary of table '${name}'.`, {
      details: { path: directory, table: name },
    });
  const path = join(directory, vocabulary.file);
  const keys = new Int32Array(rows);
  withFile(path, "r", (file) => readFully(file, bytesOf(keys), 0, path));
  if (!packed) return keys;
  const original = readOriginalIds(join(directory, packed.originalIds[t]), name, rows);
  const ordered = new Int32Array(rows);
  const isTaken = new Uint8Array(rows);
  for (let id = 0; id < rows; id++) {
    if (isTaken[original[id]]++ === 0) ordered[original[id]] = keys[id];
    else throw noPermutation(directory, name, original[id]);
  }
  return ordered;
}

const noPermutation = (directory: string, table: string, id: number): DataError =>
  new DataError(`The original ids of table '${table}' of '${directory}' have ${id} twice.`, {
    fix: "Pack the data set again.",
    details: { path: directory, table, id },
  });
