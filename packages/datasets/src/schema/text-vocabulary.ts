import { statSync } from "node:fs";
import { DataError } from "@fae/core";
import { bytesOf, readFully, withFile } from "../prepare/files.js";
import { lengthAt, TextDictionary } from "./text-dictionary.js";

/** Stands in place of a record for the row that rare keys share. */
export const rareStart = 0xffffffff;

/** Keys of one table as texts. */
export interface TextVocabulary {
  /** Text of each id; null for the row that rare keys share. */
  textOf(id: number): string | null;
  /** Id of a key; -1 when the table has none. The missing value is the empty key. */
  idOf(bytes: Uint8Array, start: number, end: number): number;
  /** Row that rare keys share, -1 without. */
  readonly rareId: number;
}

/**
 * Opens a vocabulary of texts: `starts` of uint32, where the record of each id begins in the file of texts, a record being
 * its length in 4 bytes and its bytes. Memory: the texts, 4 bytes a key, and three times that after the first `idOf`.
 */
export function openTextVocabulary(table: string, startsPath: string, textsPath: string, rows: number): TextVocabulary {
  const starts = new Uint32Array(rows);
  withFile(startsPath, "r", (file) => readFully(file, bytesOf(starts), 0, startsPath));
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
    rareId: starts.indexOf(rareStart),
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
