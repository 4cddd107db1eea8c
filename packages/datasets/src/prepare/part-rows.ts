import { readFileSync } from "node:fs";
import { bytesOf, readFully, withFile } from "./files.js";
import { blockRows, columnStep, newBlock, toRows } from "./row-blocks.js";

/** A run of ids in a map file: `count` int32 from word `at`. */
export interface MapSlice {
  readonly path: string;
  readonly at: number;
  readonly count: number;
}

/** Parsed rows of one part (in blocks: `row-blocks.ts`), with what makes ids of the data set from the ids inside the part. */
export interface PartRows {
  readonly path: string;
  /** Stored rows. */
  readonly rows: number;
  /** Rows of the data set among them. */
  readonly kept: number;
  /** Of the first `rows` stored ones those with a 1 in this file of bits are kept, and all others; null: every row is. */
  readonly keep: { readonly path: string; readonly rows: number } | null;
  readonly stride: number;
  readonly keysAt: number;
  /** Per table; none in hash mode, whose rows hold ids already. */
  readonly maps: readonly MapSlice[];
}

/** Rows that are handed on at a time: few enough for a cache. */
const tileRows = 1024;

/** Takes some rows; `first` is the row of the part that `words` starts with. */
type Use = (words: Int32Array, first: number) => void;

/** Hands on the kept rows `[from, to)` of a part with the ids of the data set, row by row. */
export function eachBlock(part: PartRows, from: number, to: number, use: Use): void {
  const { keep, rows, stride } = part;
  if (keep === null) {
    eachStored(part, from, to, use);
    return;
  }
  const bits = readFileSync(keep.path);
  let kept = 0;
  eachStored(part, 0, rows, (words, firstStored) => {
    const first = Math.max(from, kept);
    let used = 0;
    for (let at = 0, row = firstStored; at < words.length; at += stride, row++) {
      if (row < keep.rows && ((bits[row >>> 3] >>> (row & 7)) & 1) === 0) continue;
      if (kept >= from && kept < to) words.copyWithin(stride * used++, at, at + stride);
      kept++;
    }
    if (used > 0) use(words.subarray(0, stride * used), first);
  });
}

function eachStored(part: PartRows, from: number, to: number, use: Use): void {
  const { path, rows, stride, keysAt } = part;
  const maps = part.maps.map(readMap);
  const block = newBlock(stride);
  const tile = new Int32Array(tileRows * stride);
  withFile(path, "r", (file) => {
    for (let start = from - (from % blockRows); start < to; start += blockRows) {
      const count = Math.min(blockRows, rows - start);
      const step = columnStep(count);
      readFully(file, bytesOf(block.subarray(0, stride * step)), (start / blockRows) * block.byteLength, path);
      for (const [t, map] of maps.entries()) translate(block, (keysAt + t) * step, count, map);
      const end = Math.min(start + count, to);
      for (let first = Math.max(start, from); first < end; first += tileRows) {
        const n = Math.min(tileRows, end - first);
        toRows(tile, block, first - start, n, stride, step);
        use(tile.subarray(0, n * stride), first);
      }
    }
  });
}

function translate(words: Int32Array, from: number, count: number, map: Int32Array): void {
  for (let at = from; at < from + count; at++) words[at] = map[words[at]];
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
