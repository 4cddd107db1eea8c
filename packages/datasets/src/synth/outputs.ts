import type { RawFormatName } from "../raw-format.js";

/** A run of inputs `[from, to)` that goes to one file, one split or one day. */
export interface Range<Name = string> {
  readonly name: Name;
  readonly from: number;
  readonly to: number;
}

export type SplitOfInputs = "train" | "test" | "val";

/** Where the inputs of a log go. Every list covers all inputs, in order. */
export interface Outputs {
  readonly files: readonly Range[];
  readonly splits: readonly Range<SplitOfInputs>[];
  /** Input at which each day begins, then the number of inputs. */
  readonly days: readonly number[];
}

/** Inputs made in one go: they share file, split and day. `order` counts the units. */
export interface Unit {
  readonly order: number;
  readonly from: number;
  readonly to: number;
  readonly day: number;
  /** Positions in `Outputs`. */
  readonly file: number;
  readonly split: number;
}

/** First input of each day, then `rows`. */
export const dayStarts = (rows: number, days: number): number[] =>
  Array.from({ length: days + 1 }, (_, day) => day * Math.floor(rows / days) + Math.min(day, rows % days));

/**
 * Files, splits and days of a click log with `rows` inputs. Days hold equally many inputs, the first ones one more where it does not
 * come out even. The last day is half test, half validation, all others train; Avazu: the last fifth instead of the last day.
 */
export function outputsOf(source: RawFormatName, format: "raw" | "prepared", rows: number, days: number): Outputs {
  const starts = dayStarts(rows, days);
  const testAt = source === "avazu" ? Math.floor((rows * 4) / 5) : starts[days - 1];
  const valAt = testAt + Math.ceil((rows - testAt) / 2);
  const splits: Range<SplitOfInputs>[] = [
    { name: "train", from: 0, to: testAt },
    { name: "test", from: testAt, to: valAt },
    { name: "val", from: valAt, to: rows },
  ];
  if (format === "prepared") {
    return { files: splits.map(({ name, from, to }) => ({ name: `${name}.rows`, from, to })), splits, days: starts };
  }
  const files =
    source === "criteo-terabyte"
      ? starts.slice(0, -1).map((from, day) => ({ name: `day_${day}`, from, to: starts[day + 1] }))
      : [{ name: source === "avazu" ? "train.csv" : "train.txt", from: 0, to: rows }];
  return { files, splits, days: starts };
}

/** Cuts all inputs into units of at most `unitRows`, at every border of a file, split or day. Lazily: a log may have billions. */
export function* unitsOf({ files, splits, days }: Outputs, unitRows: number): Generator<Unit> {
  const rows = days[days.length - 1];
  let file = 0;
  let split = 0;
  let day = 0;
  for (let from = 0, order = 0; from < rows; order++) {
    while (files[file].to <= from) file++;
    while (splits[split].to <= from) split++;
    while (days[day + 1] <= from) day++;
    const to = Math.min(from + unitRows, files[file].to, splits[split].to, days[day + 1]);
    yield { order, from, to, day, file, split };
    from = to;
  }
}
