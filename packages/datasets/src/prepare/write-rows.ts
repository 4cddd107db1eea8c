import { bytesOf, withFile, writeAt } from "./files.js";
import { eachBlock, type PartRows } from "./part-rows.js";
import { destinationOf, type RowOrder } from "./row-order.js";
import { openScatter } from "./shuffle.js";

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
  readonly part: PartRows;
  /** Position of the part's first row among all rows of the log. */
  readonly firstRow: number;
  readonly targets: readonly Target[];
}

/**
 * Turns the parsed rows of one part into training rows: ids inside the part become ids of the data set, and the rows go to
 * their places in the split files.
 * @returns positive inputs by target, in target order.
 */
export function writeRows({ part, firstRow, targets }: WriteRowsOptions): number[] {
  return targets.map((target) => {
    const from = Math.max(0, target.from - firstRow);
    const to = Math.min(part.kept, target.to - firstRow);
    return from < to ? writeRange(part, target, from, to, firstRow - target.from) : 0;
  });
}

/** `shift` is the row of the target at which row 0 of the part lies. */
function writeRange(
  part: PartRows,
  { path, from: begin, to: end, shuffle }: Target,
  from: number,
  to: number,
  shift: number,
) {
  const { stride } = part;
  let positives = 0;
  const pass = (use: (words: Int32Array, first: number) => void) =>
    eachBlock(part, from, to, (words, first) => {
      for (let at = 0; at < words.length; at += stride) positives += words[at];
      use(words, shift + first);
    });
  if (shuffle) {
    const destination = destinationOf(shuffle.order);
    const { path, blockRows } = shuffle;
    const scatter = openScatter({ path, places: end - begin, blockPlaces: blockRows, stride, capacity: to - from });
    pass((words, first) => scatter.write(words, (i) => destination(first + i)));
    scatter.close();
  } else {
    withFile(path, "r+", (file) => pass((words, first) => writeAt(file, path, first * stride * 4, bytesOf(words))));
  }
  return positives;
}
