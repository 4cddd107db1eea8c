import type { CountOfCounts } from "./count-of-counts.js";

/**
 * Share of accesses that go to the `rows` most accessed rows, as a function of `rows`.
 *
 * For counts of all inputs this is exact. Counts of a sample flatter themselves: the access that put a row into the sample is
 * one of those it is judged by. There each access is judged by the counts without it (leave one out), which makes the share
 * that of accesses outside the sample.
 */
export interface AccessCurve {
  share(rows: number): number;
  /** Share of the rows with at least `threshold` accesses. */
  shareAt(threshold: number): number;
  /** Rows that were accessed. */
  readonly seenRows: number;
}

export function accessCurve(histogram: CountOfCounts, isSample: boolean): AccessCurve {
  const { counts, rows, accesses } = histogram;
  const groups = counts.length;
  // Rows and accesses once group i (all rows with counts[i] accesses) is in.
  const rowsTo = new Float64Array(groups);
  const accessesTo = new Float64Array(groups);
  let rowSum = 0;
  let accessSum = 0;
  let taken = 0;
  for (let i = 0; i < groups; i++) {
    rowSum += rows[i];
    rowsTo[i] = rowSum;
    // Left out of its own count, an access to a row with c accesses is held to c - 1: in when no row outside has so many.
    const least = isSample ? (counts[i + 1] ?? 0) + 2 : counts[i];
    for (; taken < groups && counts[taken] >= least; taken++) accessSum += rows[taken] * counts[taken];
    accessesTo[i] = accessSum;
  }
  const share = (sum: number) => (accesses === 0 ? 0 : sum / accesses);
  return {
    seenRows: rowSum,
    share(wanted) {
      const i = rowsTo.findIndex((sum) => sum >= wanted);
      if (i < 0) return share(accessesTo[groups - 1] ?? 0);
      const [rowsBefore, accessesBefore] = i === 0 ? [0, 0] : [rowsTo[i - 1], accessesTo[i - 1]];
      const part = (wanted - rowsBefore) / (rowsTo[i] - rowsBefore);
      return share(accessesBefore + part * (accessesTo[i] - accessesBefore));
    },
    shareAt(threshold) {
      const least = isSample ? threshold + 1 : threshold;
      let sum = 0;
      for (let i = 0; i < groups && counts[i] >= least; i++) sum += rows[i] * counts[i];
      return share(sum);
    },
  };
}

/** 1, 2, 3, 4, 6, 8, 10, 15, 20, ... and `last`: points of a logarithmic axis. */
export function logGrid(last: number): number[] {
  const points: number[] = [];
  for (let decade = 1; decade <= last; decade *= 10)
    for (const mantissa of [1, 1.5, 2, 3, 4, 6, 8]) {
      const point = Math.round(mantissa * decade);
      if (point < last && point !== points.at(-1)) points.push(point);
    }
  if (last >= 1) points.push(last);
  return points;
}
