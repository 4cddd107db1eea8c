import { bytesOf, type Sink } from "./files.js";

/**
 * Parsed rows in blocks, each column by column: what works on one table at a time then finds its words side by side. In a
 * file, blocks follow one another; only the last one may be short.
 */

/** Rows of a full block. */
export const blockRows = 4096;

/** Unused words behind each column of a full block: without them all columns would want the same lines of the caches. */
const padding = 16;

/** Words from one column to the next in a block of `rows` rows, as it lies in a file. */
export const columnStep = (rows: number): number => (rows === blockRows ? blockRows + padding : rows);

/** Memory of one full block; words of a column are `columnStep(blockRows)` after those of the one before. */
export const newBlock = (stride: number): Int32Array<ArrayBuffer> => new Int32Array(stride * columnStep(blockRows));

/** Writes the first `rows` rows of a block. */
export function writeBlock(sink: Sink, block: Int32Array, rows: number, stride: number): void {
  if (rows === blockRows) sink.write(bytesOf(block));
  else {
    const step = columnStep(blockRows);
    for (let from = 0; from < stride * step; from += step) sink.write(bytesOf(block.subarray(from, from + rows)));
  }
}

/** Turns `count` rows of a block, from row `from` on, into rows of `stride` words. */
export function toRows(
  rows: Int32Array,
  block: Int32Array,
  from: number,
  count: number,
  stride: number,
  step: number,
): void {
  // Few rows at a time: they stay in the nearest cache while their columns are filled in one after the other.
  for (let first = 0; first < count; first += 64) {
    const end = Math.min(count, first + 64);
    for (let column = 0; column < stride; column++) {
      const words = column * step + from;
      for (let i = first, at = first * stride + column; i < end; i++, at += stride) rows[at] = block[words + i];
    }
  }
}
