import { bytesOf, openSink } from "./files.js";
import type { IntDictionary } from "./int-dictionary.js";
import { type MapSlice, readMap } from "./part-rows.js";

export interface NumberKeysOptions {
  /** Every part's keys of the table, in its `.keys` file. */
  readonly slices: readonly MapSlice[];
  /** `first`: ids by first appearance over the slices in order. `ascending`: by the value of the key. */
  readonly order: "first" | "ascending";
  /** Gets the ids, slice after slice: word i of a slice is the id of its i-th key. */
  readonly mapPath: string;
  /** Gets the keys, position = id. */
  readonly vocabularyPath: string;
}

/**
 * Numbers the keys of one table over all parts, with a dictionary that is lent for it. Holds one slice beside it.
 * @returns the number of keys.
 */
export function numberKeys(
  { slices, order, mapPath, vocabularyPath }: NumberKeysOptions,
  dictionary: IntDictionary,
): number {
  dictionary.clear(slices.reduce((most, { count }) => Math.max(most, count), 0));
  if (order === "first") {
    writeMap(slices, mapPath, (words) => dictionary.addAll(words, 0, words.length));
    writeKeys(vocabularyPath, dictionary.keys);
  } else {
    for (const slice of slices) {
      const words = readMap(slice);
      dictionary.addAll(words, 0, words.length);
    }
    const keys = dictionary.keys.slice().sort();
    const ranks = new Int32Array(keys.length);
    for (let rank = 0; rank < keys.length; rank++) ranks[dictionary.idOf(keys[rank])] = rank;
    writeMap(slices, mapPath, (words) => {
      for (let i = 0; i < words.length; i++) words[i] = ranks[dictionary.idOf(words[i])];
    });
    writeKeys(vocabularyPath, keys);
  }
  return dictionary.size;
}

/** Writes the words of all slices after `number` has turned keys into ids. */
function writeMap(slices: readonly MapSlice[], path: string, number: (words: Int32Array) => void): void {
  const map = openSink(path);
  for (const slice of slices) {
    const words = readMap(slice);
    number(words);
    map.write(bytesOf(words));
  }
  map.close();
}

function writeKeys(path: string, keys: Int32Array): void {
  const vocabulary = openSink(path);
  vocabulary.write(bytesOf(keys));
  vocabulary.close();
}
