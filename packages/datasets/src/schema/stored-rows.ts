import { bytesOf, readFully, withFile } from "../prepare/files.js";
import type { SplitOf } from "./split-rows.js";

/** Rows of a log between reading and writing: one stride each, in the order of the log. */
export interface StoredRows {
  readonly path: string;
  readonly rows: number;
  /** Words of a row. */
  readonly stride: number;
}

const blockBytes = 4 << 20;

/** Hands out all rows, some at a time, with the split of each. The arrays are good until the next block. */
export function eachRows(
  { path, rows, stride }: StoredRows,
  splitOf: SplitOf,
  use: (words: Int32Array, floats: Float32Array, rows: number, codes: Uint8Array, first: number) => void,
): void {
  const most = Math.max(1, Math.floor(blockBytes / (4 * stride)));
  const words = new Int32Array(most * stride);
  const floats = new Float32Array(words.buffer);
  const codes = new Uint8Array(most);
  withFile(path, "r", (file) => {
    for (let first = 0; first < rows; first += most) {
      const count = Math.min(most, rows - first);
      readFully(file, bytesOf(words.subarray(0, count * stride)), first * stride * 4, path);
      const found = codes.subarray(0, count);
      splitOf(first, found);
      use(words, floats, count, found, first);
    }
  });
}
