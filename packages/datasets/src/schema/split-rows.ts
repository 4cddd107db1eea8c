import { DataError } from "@fae/core";
import { bytesOf, readFully, withFile } from "../prepare/files.js";
import type { LogDefinition } from "./log-schema.js";
import { timeReader } from "./time.js";

export const splitNames = ["train", "val", "test"] as const;

/** Puts the split of rows `[first, first + out.length)` into `out`: its place in `splitNames`. */
export type SplitOf = (first: number, out: Uint8Array) => void;

/** What the rows of a log were read to. */
export interface ReadRows {
  readonly rows: number;
  /** Rows of files that are all train, then val, then test. */
  readonly bySplit: readonly number[];
  /** File of float64 seconds, one a row. */
  readonly timesPath: string;
  /** File of bytes: the split of each row. */
  readonly codesPath: string;
}

/** How the rows of a log are split. @throws DataError when a part is larger than the log */
export function splitRows({ schema, where }: LogDefinition, read: ReadRows): SplitOf {
  const { split } = schema;
  const { rows, bySplit } = read;
  if (split.by === "none") return (_, out) => out.fill(0);
  if (split.by === "column") return fromFile(read.codesPath);
  if (split.by === "file") return inOrder([bySplit[0], bySplit[1], bySplit[2]], [0, 1, 2]);
  const [val, test] = [split.val ?? 0, split.test ?? 0].map((part) => (part < 1 ? Math.floor(rows * part) : part));
  if (val + test >= rows) {
    throw new DataError(`The log has ${rows} inputs, val and test take ${val + test} (${where(["split"])}).`, {
      fix: "Leave some to train on.",
      details: { rows, val, test },
    });
  }
  if (split.by === "share") {
    const train = rows - val - test;
    return split.order === "val-test" ? inOrder([train, val, test], [0, 1, 2]) : inOrder([train, test, val], [0, 2, 1]);
  }
  const readTime = timeReader(schema.time?.format ?? "iso");
  const moment = (text: string | number | undefined, part: string): number => {
    if (text === undefined) return Number.POSITIVE_INFINITY;
    const seconds = readTime(String(text));
    if (!Number.isNaN(seconds)) return seconds;
    throw new DataError(`${where(["split", part])}: '${text}' is not a time.`, {
      fix: `Write it in the format ${schema.time?.format}, or as 2026-01-31.`,
    });
  };
  if (split.val_from !== undefined || split.test_from !== undefined)
    return byTime(read.timesPath, moment(split.val_from, "val_from"), moment(split.test_from, "test_from"));
  const testFrom = test === 0 ? Number.POSITIVE_INFINITY : timeAt(read.timesPath, rows, rows - test);
  const valFrom = val === 0 ? Number.POSITIVE_INFINITY : timeAt(read.timesPath, rows, rows - test - val);
  return byTime(read.timesPath, valFrom, testFrom);
}

function inOrder(counts: readonly number[], codes: readonly number[]): SplitOf {
  return (first, out) => {
    let from = 0;
    for (const [i, count] of counts.entries()) {
      out.fill(codes[i], Math.max(0, from - first), Math.max(0, from + count - first));
      from += count;
    }
  };
}

const fromFile =
  (path: string): SplitOf =>
  (first, out) =>
    withFile(path, "r", (file) => readFully(file, out, first, path));

/** Whichever begins later takes what lies after its beginning. */
function byTime(path: string, valFrom: number, testFrom: number): SplitOf {
  const [early, late] = valFrom <= testFrom ? [valFrom, testFrom] : [testFrom, valFrom];
  const [earlyCode, lateCode] = valFrom <= testFrom ? [1, 2] : [2, 1];
  return (first, out) => {
    const times = new Float64Array(out.length);
    withFile(path, "r", (file) => readFully(file, bytesOf(times), first * 8, path));
    for (let i = 0; i < out.length; i++) out[i] = times[i] >= late ? lateCode : times[i] >= early ? earlyCode : 0;
  };
}

const blockTimes = 1 << 17;

/**
 * The time at a place of a log in the order of time, exactly, in memory that does not grow with the log: each of four passes
 * over the file counts 16 bits of the times that agree so far.
 */
export function timeAt(path: string, rows: number, place: number): number {
  const time = new Float64Array(1);
  const bits = new Uint16Array(time.buffer); // from the lowest on
  const found = [0, 0, 0, 0];
  let left = place;
  for (let word = 3; word >= 0; word--) {
    const counts = new Float64Array(1 << 16);
    eachTime(path, rows, (value) => {
      time[0] = value;
      orderBits(bits);
      for (let above = 3; above > word; above--) if (bits[above] !== found[above]) return;
      counts[bits[word]]++;
    });
    let digit = 0;
    while (left >= counts[digit]) left -= counts[digit++];
    found[word] = digit;
  }
  bits.set(found);
  if (bits[3] & 0x8000) bits[3] ^= 0x8000;
  else for (let i = 0; i < 4; i++) bits[i] = ~bits[i];
  return time[0];
}

/** Changes the bits of a float64 so that they order as the numbers do. */
function orderBits(bits: Uint16Array): void {
  if (bits[3] & 0x8000) for (let i = 0; i < 4; i++) bits[i] = ~bits[i];
  else bits[3] ^= 0x8000;
}

function eachTime(path: string, rows: number, use: (value: number) => void): void {
  const times = new Float64Array(Math.min(rows, blockTimes));
  withFile(path, "r", (file) => {
    for (let first = 0; first < rows; first += times.length) {
      const block = times.subarray(0, Math.min(times.length, rows - first));
      readFully(file, bytesOf(block), first * 8, path);
      for (const value of block) use(value);
    }
  });
}
