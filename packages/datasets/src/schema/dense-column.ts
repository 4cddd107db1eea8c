import type { DenseEncoding } from "@fae/core";
import type { DenseColumn } from "./log-schema.js";
import { decimalOf } from "./numbers.js";
import type { RowReason } from "./row-block.js";
import { separatorOf, splitCell } from "./split-cell.js";

/** Reads the numbers of one dense column. */
export interface DenseReader {
  readonly isSequence: boolean;
  /** Puts the values of a cell into `out`: one, or one a step. Returns why they are not valid, or null. */
  cell(bytes: Uint8Array, start: number, end: number, out: Float64Array): RowReason | null;
  /** The same for a part of the time. */
  time(seconds: number, out: Float64Array): RowReason | null;
}

const mostInt32 = 2147483647;

/** @param encoding of the data set; `int32-log1p` keeps integers and takes their logarithm when they are read */
export function denseReader(column: DenseColumn, steps: number, encoding: DenseEncoding): DenseReader {
  const { fill, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, type, transform, extract } = column;
  const isCount = encoding === "int32-log1p";
  const shaped = (value: number, out: Float64Array, i: number): RowReason | null => {
    const clipped = Math.min(max, Math.max(min, value));
    if (transform === "log1p" && clipped < 0) return "negative-count";
    out[i] = transform === "log1p" && !isCount ? Math.log1p(clipped) : clipped;
    if (isCount) return out[i] > mostInt32 ? "integer-out-of-range" : null;
    return Number.isFinite(Math.fround(out[i])) ? null : "not-finite";
  };
  const one = (bytes: Uint8Array, start: number, end: number, out: Float64Array, i: number): RowReason | null => {
    if (start < 0 || start === end) return fill === undefined ? "missing-value" : shaped(fill, out, i);
    const value = decimalOf(bytes, start, end);
    if (Number.isNaN(value)) return isNaNText(bytes, start, end) ? "not-finite" : "not-a-number";
    if (!Number.isFinite(value)) return "not-finite";
    if (type === "integer" && !Number.isInteger(value)) return "not-an-integer";
    return shaped(value, out, i);
  };
  const separator = separatorOf(column.sequence);
  const ranges = { count: 0, ranges: new Int32Array(2 * steps) };
  return {
    isSequence: column.sequence !== undefined,
    time: (seconds, out) => shaped(partOf(seconds, extract), out, 0),
    cell(bytes, start, end, out) {
      if (!column.sequence) return one(bytes, start, end, out, 0);
      splitCell(bytes, start, end, separator, ranges);
      if (ranges.count !== steps) return "wrong-length";
      for (let s = 0; s < steps; s++) {
        const reason = one(bytes, ranges.ranges[2 * s], ranges.ranges[2 * s + 1], out, s);
        if (reason) return reason;
      }
      return null;
    },
  };
}

const isNaNText = (bytes: Uint8Array, start: number, end: number): boolean =>
  end - start === 3 && (bytes[start] | 32) === 110 && (bytes[start + 1] | 32) === 97 && (bytes[start + 2] | 32) === 110;

/** Hour of the day or day of the week (0 is Sunday) in UTC. */
export function partOf(seconds: number, part: "hour" | "weekday" | undefined): number {
  const days = Math.floor(seconds / 86_400);
  if (part === "hour") return Math.floor((seconds - days * 86_400) / 3600);
  return (((days + 4) % 7) + 7) % 7; // the first day was a Thursday
}
