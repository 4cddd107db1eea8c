import { join } from "node:path";
import { checkArguments, DataError, is, readOriginalIds } from "@fae/core";
import { isManifest, type Manifest } from "./manifest.js";
import { bytesOf, readFully, withFile } from "./prepare/files.js";
import { openTextVocabulary, type TextVocabulary } from "./schema/text-vocabulary.js";

/**
 * Raw keys of one table in the order of original ids, of a data set that is packed or not. Memory: 4 bytes a key, 12 while a
 * pack is read.
 * @param t position of the table
 * @throws DataError when the table has no vocabulary or its keys are texts, or original ids of a pack are no permutation
 */
export function originalKeys(directory: string, manifest: Manifest, t: number): Int32Array {
  checkTable("originalKeys", directory, manifest, t);
  const { name, vocabulary } = manifest.tables[t];
  if (vocabulary?.keys === "text")
    throw new DataError(`Keys of table '${name}' of '${directory}' are texts, not 32-bit numbers.`, {
      fix: "Read them with originalTexts or openVocabulary.",
      details: { path: directory, table: name },
    });
  return inOriginalOrder(directory, manifest, t);
}

/**
 * The same of keys that are texts, as those of a log with a schema. Memory: the texts and 4 bytes a key.
 * @throws DataError when the table has no such vocabulary, or original ids of a pack are no permutation
 */
export function originalTexts(directory: string, manifest: Manifest, t: number): TextVocabulary {
  checkTable("originalTexts", directory, manifest, t);
  const { name, vocabulary } = manifest.tables[t];
  if (vocabulary?.text === undefined)
    throw new DataError(`'${directory}' has no texts of the keys of table '${name}'.`, {
      fix: "Read keys that are numbers with originalKeys.",
      details: { path: directory, table: name },
    });
  const starts = new Uint32Array(inOriginalOrder(directory, manifest, t).buffer);
  return openTextVocabulary(name, starts, join(directory, vocabulary.text));
}

function checkTable(call: string, directory: string, manifest: Manifest, t: number): void {
  checkArguments(call, { directory: [directory, is.text], manifest: [manifest, isManifest] });
  checkArguments(call, { t: [t, is.whole(0, manifest.tables.length - 1)] });
}

function inOriginalOrder(directory: string, { tables, packed }: Manifest, t: number): Int32Array<ArrayBuffer> {
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
