import { DataError } from "@fae/core";

/** Where the inputs of a log go: rows `[0, testAt)` train, `[testAt, valAt)` test, `[valAt, rows)` validation. */
export interface Splits {
  readonly rows: number;
  readonly testAt: number;
  readonly valAt: number;
  /** First kept row of each training day, and `testAt` at the end. */
  readonly days: readonly number[];
  /** Accepted line at which training ends: lines before it are thinned, those after it are all rows. */
  readonly testLine: number;
}

/** What a part contributes. */
export interface PartLines {
  readonly file: number;
  readonly accepted: number;
}

/** First accepted line of each of `days` days of equal count; the first `lines mod days` days hold one more. */
export function equalDays(lines: number, days: number): number[] {
  const small = Math.floor(lines / days);
  const larger = lines % days;
  return Array.from({ length: days }, (_, day) => day * small + Math.min(day, larger));
}

/** First accepted line of each file. */
export function fileStarts(parts: readonly PartLines[], files: number): number[] {
  const starts = new Array<number>(files).fill(0);
  for (const { file, accepted } of parts) for (let f = file + 1; f < files; f++) starts[f] += accepted;
  return starts;
}

/**
 * Splits by days: all but the last train, of the last the first half (with the odd row) test, the second validation.
 *
 * @param lines accepted lines.
 * @param dayStarts first accepted line of each day.
 * @param keptAt rows that training keeps of those before an accepted line.
 */
export function splitByDays(lines: number, dayStarts: readonly number[], keptAt: (line: number) => number): Splits {
  const testLine = dayStarts[dayStarts.length - 1];
  const starts = dayStarts.map(keptAt);
  const testAt = starts[starts.length - 1];
  const heldOut = lines - testLine;
  return { rows: testAt + heldOut, testAt, valAt: testAt + Math.ceil(heldOut / 2), days: starts, testLine };
}

/** The first 80 % of the lines train; the rest as in `splitByDays`. */
export const splitByShare = (lines: number, keptAt = (line: number): number => line): Splits =>
  splitByDays(lines, [0, Math.floor((lines * 4) / 5)], keptAt);

/** @throws DataError when nothing is left to train on. */
export function mustTrain(splits: Splits): Splits {
  if (splits.testAt > 0) return splits;
  throw new DataError(`The log gives ${splits.rows} inputs and none of them falls into the training days.`, {
    fix: "Give more of the log, or fewer days.",
    details: { found: splits.rows },
  });
}
