import { closeSync, openSync } from "node:fs";
import { bytesOf, readFully, syncPath, withFile, writeFully } from "./files.js";
import type { RowOrder } from "./row-order.js";
import { openScatter } from "./shuffle.js";

/** A run of ids in a map file: `count` int32 from word `at`. */
export interface MapSlice {
  readonly path: string;
  readonly at: number;
  readonly count: number;
}

/** A range of the log's rows that goes to one file. */
export interface Target {
  readonly path: string;
  /** Rows of the log `[from, to)`; row `from` is row 0 of the file. */
  readonly from: number;
  readonly to: number;
  /** Present when the rows are shuffled: they go to a scatter file first. */
  readonly shuffle: { readonly order: RowOrder; readonly blockRows: number; readonly path: string } | null;
}

export interface WriteRowsOptions {
  /** Parsed rows of one part. */
  readonly path: string;
  readonly rows: number;
  /** Position of its first row among all rows of the log. */
  readonly firstRow: number;
  readonly stride: number;
  readonly keysAt: number;
  /** Per table; none in hash mode, whose rows hold ids already. */
  readonly maps: readonly MapSlice[];
  readonly targets: readonly Target[];
}

const blockRows = 4096;

/**
 * Turns the parsed rows of one part into training rows: ids inside the part become ids of the data set, and the rows go to
 * their places in the split files.
 * @returns positive inputs by target, in target order.
 */
export function writeRows({ path, rows, firstRow, stride, keysAt, maps, targets }: WriteRowsOptions): number[] {
  const tables = maps.map(({ path: map, at, count }) => {
    const words = new Int32Array(count);
    withFile(map, "r", (file) => readFully(file, bytesOf(words), at * 4, map));
    return words;
  });
  return withFile(path, "r", (file) =>
    targets.map((target) => {
      const from = Math.max(0, target.from - firstRow);
      const to = Math.min(rows, target.to - firstRow);
      if (from >= to) return 0;
      const writer = target.shuffle
        ? openScatter({ ...target.shuffle, rows: target.to - target.from, stride, capacity: to - from })
        : placeWriter(target, stride);
      let positives = 0;
      const block = new Int32Array(Math.min(blockRows, to - from) * stride);
      for (let row = from; row < to; row += blockRows) {
        const words = block.subarray(0, Math.min(blockRows, to - row) * stride);
        readFully(file, bytesOf(words), row * stride * 4, path);
        for (let at = 0; at < words.length; at += stride) {
          positives += words[at];
          for (let t = 0, k = at + keysAt; t < tables.length; t++, k++) words[k] = tables[t][words[k]];
        }
        writer.write(words, firstRow + row - target.from);
      }
      writer.close();
      return positives;
    }),
  );
}

interface RowWriter {
  /** Takes whole rows, the first of which is row `first` of the target. */
  write(words: Int32Array, first: number): void;
  close(): void;
}

function placeWriter({ path }: Target, stride: number): RowWriter {
  const file = openSync(path, "r+");
  return {
    write: (words, first) => writeFully(file, bytesOf(words), first * stride * 4),
    close() {
      closeSync(file);
      syncPath(path);
    },
  };
}
