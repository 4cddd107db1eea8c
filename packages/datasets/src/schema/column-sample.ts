import type { LogSchema } from "./log-schema.js";

/** What the sample says of one column. */
export interface ColumnSample {
  readonly name: string;
  /** Lists of values, as Parquet and JSON lines have them. */
  readonly isList: boolean;
  /** Distinct values, counted up to `mostDistinct`. */
  readonly distinct: Map<string, number>;
  rows: number;
  missing: number;
  /** Longest list; of one value 1. */
  longest: number;
}

/** Distinct values of a column that are kept. */
export const mostDistinct = 50_000;

/** How a log is cut, found by looking at it. */
export interface LogShape {
  readonly format: LogSchema["format"];
  readonly separator: string | undefined;
  /** Of a log without a header line. */
  readonly names: string[] | undefined;
}
