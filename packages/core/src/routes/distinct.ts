import type { Numbers } from "../ops/types.js";
import type { NumbersType } from "./arena.js";

/** The distinct rows of a batch, in order of first occurrence, and which of them each occurrence is. */
export interface DistinctRows {
  readonly rows: Int32Array;
  /** Same length as the occurrences; -1 for none. */
  readonly positions: Int32Array;
}

/** @param occurrences row numbers, negative for none. */
export function distinctRows(occurrences: Int32Array): DistinctRows {
  const positionOf = new Map<number, number>();
  const positions = new Int32Array(occurrences.length);
  occurrences.forEach((row, i) => {
    if (row < 0) {
      positions[i] = -1;
      return;
    }
    let position = positionOf.get(row);
    if (position === undefined) {
      position = positionOf.size;
      positionOf.set(row, position);
    }
    positions[i] = position;
  });
  return { rows: Int32Array.from(positionOf.keys()), positions };
}

/**
 * Gradient of each distinct row: the gradients of its pooled rows, summed over all its occurrences in input, step, table and
 * bag order. Every route sums in this order: that makes them bit-equal.
 * @param pooled `[groups, T, D]`; @param hotness L per table. @returns `[distinct, D]`.
 */
export function sumGradients(
  numbers: NumbersType,
  { rows, positions }: DistinctRows,
  pooled: Numbers,
  hotness: readonly number[],
  width: number,
): Numbers {
  const sums = new numbers(rows.length * width);
  const isFirst = new Uint8Array(rows.length).fill(1);
  let at = 0;
  let from = 0;
  while (at < positions.length)
    for (const bag of hotness) {
      for (let l = 0; l < bag; l++) {
        const position = positions[at++];
        if (position < 0) continue;
        const to = position * width;
        if (isFirst[position]) for (let i = 0; i < width; i++) sums[to + i] = pooled[from + i];
        else for (let i = 0; i < width; i++) sums[to + i] += pooled[from + i];
        isFirst[position] = 0;
      }
      from += width;
    }
  return sums;
}
