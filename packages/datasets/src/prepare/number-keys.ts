import { bytesOf, openSink, readFully, withFile } from "./files.js";
import { IntDictionary } from "./int-dictionary.js";

/** One part's keys of one table: `count` int32 from word `at` of its `.keys` file. */
export interface KeySlice {
  readonly path: string;
  readonly at: number;
  readonly count: number;
}

export interface NumberKeysOptions {
  readonly slices: readonly KeySlice[];
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
    for (const slice of slices) for (const key of readSlice(slice)) dictionary.add(key);
    const keys = dictionary.keys.slice().sort();
    const ranks = new Int32Array(keys.length);
    for (let rank = 0; rank < keys.length; rank++) ranks[dictionary.idOf(keys[rank])] = rank;
    writeMap(slices, mapPath, (key) => ranks[dictionary.idOf(key)]);
    writeKeys(vocabularyPath, keys);
  }
  return dictionary.size;
}

function readSlice({ path, at, count }: KeySlice): Int32Array {
  const words = new Int32Array(count);
  withFile(path, "r", (file) => readFully(file, bytesOf(words), at * 4, path));
  return words;
}

function writeMap(slices: readonly KeySlice[], path: string, idOf: (key: number) => number): void {
  const map = openSink(path);
  for (const slice of slices) {
    const words = readSlice(slice);
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
