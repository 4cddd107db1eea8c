import { statSync } from "node:fs";
import { DataError } from "@fae/core";
import { bytesOf, readFully, withFile } from "../prepare/files.js";
import { lengthAt, TextDictionary } from "./text-dictionary.js";

/** Stands in place of a record for the row that rare keys share. */
export const rareStart = 0xffffffff;

/** Keys of one table as texts. */
export interface TextVocabulary {
  /** Ids. */
  readonly rows: number;
  /** Record of each id: its length in 4 bytes and its bytes; null for the row that rare keys share. */
  recordOf(id: number): Uint8Array | null;
  /** Text of each id; null for the row that rare keys share. */
  textOf(id: number): string | null;
  /** Id of a key; -1 when the table has none. The missing value is the empty key. */
  idOf(bytes: Uint8Array, start: number, end: number): number;
  /** Row that rare keys share, -1 without. */
  readonly rareId: number;
}

/**
 * Reads where the records of a vocabulary of texts begin, and opens it. Memory: the texts, 4 bytes a key, and three times that
 * after the first `idOf`.
 */
export function readTextVocabulary(table: string, startsPath: string, textsPath: string, rows: number): TextVocabulary {
  const starts = new Uint32Array(rows);
  withFile(startsPath, "r", (file) => readFully(file, bytesOf(starts), 0, startsPath));
  return openTextVocabulary(table, starts, textsPath);
}

/** @param starts where the record of each id begins in the file of texts: its length in 4 bytes and its bytes */
export function openTextVocabulary(table: string, starts: Uint32Array, textsPath: string): TextVocabulary {
  const texts = new Uint8Array(statSync(textsPath).size);
  withFile(textsPath, "r", (file) => readFully(file, texts, 0, textsPath));
  const recordAt = (id: number): [number, number] => {
    const at = starts[id];
    const end = at + 4 + lengthAt(texts, at);
    if (at + 4 <= texts.length && end <= texts.length) return [at + 4, end];
    throw new DataError(
      `'${textsPath}' has ${texts.length} bytes, expected ${end} for key ${id} of table '${table}'.`,
      {
        fix: "Copy the data set again or prepare it again.",
        details: { path: textsPath, found: texts.length, expected: end },
      },
    );
  };
  let known: { dictionary: TextDictionary; ids: Int32Array } | null = null;
  return {
    rows: starts.length,
    rareId: starts.indexOf(rareStart),
    recordOf(id) {
      if (starts[id] === rareStart) return null;
      const [start, end] = recordAt(id);
      return texts.subarray(start - 4, end);
    },
    textOf: (id) => (starts[id] === rareStart ? null : Buffer.from(texts.subarray(...recordAt(id))).toString("utf8")),
    idOf(bytes, start, end) {
      known ??= dictionaryOf(table, starts, texts, recordAt);
      const place = known.dictionary.idOf(bytes, start, end);
      return place < 0 ? -1 : known.ids[place];
    },
  };
}

function dictionaryOf(
  table: string,
  starts: Uint32Array,
  texts: Uint8Array,
  recordAt: (id: number) => [number, number],
): { dictionary: TextDictionary; ids: Int32Array } {
  const dictionary = new TextDictionary(table);
  const ids = new Int32Array(starts.length);
  for (let id = 0; id < starts.length; id++)
    if (starts[id] !== rareStart) ids[dictionary.add(texts, ...recordAt(id))] = id;
  return { dictionary, ids };
}
