import { bytesOf, readFully, withFile } from "./files.js";

/** A run of ids in a map file: `count` int32 from word `at`. */
export interface MapSlice {
  readonly path: string;
  readonly at: number;
  readonly count: number;
}

/** Parsed rows of one part, with what makes ids of the data set from the ids inside the part. */
export interface PartRows {
  readonly path: string;
  readonly rows: number;
  readonly stride: number;
  readonly keysAt: number;
  /** Per table; none in hash mode, whose rows hold ids already. */
  readonly maps: readonly MapSlice[];
}

const blockRows = 16384;

/** Hands on the rows `[from, to)` of a part with the ids of the data set, in blocks; `first` is the row a block starts with. */
export function eachBlock(
  part: PartRows,
  from: number,
  to: number,
  use: (words: Int32Array, first: number) => void,
): void {
  const { path, stride, keysAt } = part;
  const maps = part.maps.map(readMap);
  const block = new Int32Array(Math.min(blockRows, to - from) * stride);
  withFile(path, "r", (file) => {
    for (let first = from; first < to; first += blockRows) {
      const words = block.subarray(0, Math.min(blockRows, to - first) * stride);
      readFully(file, bytesOf(words), first * stride * 4, path);
      for (const [t, map] of maps.entries()) translate(words, keysAt + t, stride, map);
      use(words, first);
    }
  });
}

/** Table by table, so that one map at a time fills the cache. */
function translate(words: Int32Array, from: number, stride: number, map: Int32Array): void {
  for (let at = from; at < words.length; at += stride) words[at] = map[words[at]];
}

export function readMap({ path, at, count }: MapSlice): Int32Array {
  return readWords(path, at, count);
}

/** `count` int32 of a file from word `at` on. */
export function readWords(path: string, at: number, count: number): Int32Array {
  const words = new Int32Array(count);
  withFile(path, "r", (file) => readFully(file, bytesOf(words), at * 4, path));
  return words;
}
