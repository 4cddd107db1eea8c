import { bytesOf, openSink } from "./files.js";
import { IntDictionary } from "./int-dictionary.js";
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
 * Numbers the keys of one table over all parts. Holds one dictionary and one slice in memory.
 * @returns the number of keys.
 */
export function numberKeys({ slices, order, mapPath, vocabularyPath }: NumberKeysOptions): number {
  const dictionary = new IntDictionary();
  if (order === "first") {
    writeMap(slices, mapPath, (key) => dictionary.add(key));
    writeKeys(vocabularyPath, dictionary.keys);
  } else {
    for (const slice of slices) for (const key of readMap(slice)) dictionary.add(key);
    const keys = dictionary.keys.slice().sort();
    const ranks = new Int32Array(keys.length);
    for (let rank = 0; rank < keys.length; rank++) ranks[dictionary.idOf(keys[rank])] = rank;
    writeMap(slices, mapPath, (key) => ranks[dictionary.idOf(key)]);
    writeKeys(vocabularyPath, keys);
  }
  return dictionary.size;
}

function writeMap(slices: readonly MapSlice[], path: string, idOf: (key: number) => number): void {
  const map = openSink(path);
  for (const slice of slices) {
    const words = readMap(slice);
    for (let i = 0; i < words.length; i++) words[i] = idOf(words[i]);
    map.write(bytesOf(words));
  }
  map.close();
}

function writeKeys(path: string, keys: Int32Array): void {
  const vocabulary = openSink(path);
  vocabulary.write(bytesOf(keys));
  vocabulary.close();
}
