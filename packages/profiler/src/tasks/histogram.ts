import { type CountOfCounts, countOfCounts } from "../count-of-counts.js";

/** Counts the rows with each access count, in some ranges of rows. */
export interface HistogramTask {
  readonly kind: "histogram";
  readonly counts: readonly Uint32Array[];
  readonly ranges: readonly RowRange[];
}

export interface RowRange {
  readonly table: number;
  readonly first: number;
  readonly end: number;
}

/** By range. */
export type HistogramResult = readonly CountOfCounts[];

export function* runHistogram({ counts, ranges }: HistogramTask): Generator<number, HistogramResult, undefined> {
  return ranges.map(({ table, first, end }) => countOfCounts(counts[table].subarray(first, end)));
}
