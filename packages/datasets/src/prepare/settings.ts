import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { ConfigError } from "@fae/core";
import type { RawFormat } from "../raw-format.js";
import { rawFormats } from "../raw-formats.js";
import type { PrepareOptions, PrepareProgress, SeriesOptions } from "./options.js";
import type { ReadOptions } from "./part.js";

/** Checked options with their defaults. `shaping` is everything that the bytes of the data set depend on. */
export interface Settings {
  readonly format: RawFormat;
  readonly directory: string;
  readonly files: readonly string[];
  readonly read: ReadOptions;
  readonly randomize: "none" | "day" | "total";
  readonly days: number | null;
  readonly series: Required<SeriesOptions>;
  readonly maxRejects: number;
  readonly asGiven: boolean;
  readonly workers: number;
  readonly onProgress: (progress: PrepareProgress) => void;
  readonly signal: AbortSignal | null;
  readonly shaping: Readonly<Record<string, string | number | null>>;
}

const defaultPartBytes = 64 * 1024 * 1024;
const defaultDays = 7;

/** @throws ConfigError naming the option, the value found and the values allowed. */
export function settle(options: PrepareOptions): Settings {
  const { format: name, files, directory, ids = "dictionary", randomize = "none", series = {} } = options;
  const format = rawFormats[name];
  if (!format) throw wrong("format", name, Object.keys(rawFormats).join(", "));
  if (files.length === 0) throw wrong("files", "none", "at least one file or one directory");
  if (ids !== "dictionary" && ids !== "hash") throw wrong("ids", ids, "dictionary or hash");
  const isSeries = format.split === "series";
  if (isSeries && ids === "hash") throw wrong("ids", ids, `dictionary (${name} numbers keys in ascending order)`);
  const modulo = options.maxRowsPerTable ?? 0;
  if (options.maxRowsPerTable !== undefined) integerIn("maxRowsPerTable", modulo, 1, 2147483647);
  if (isSeries && modulo > 0) throw wrong("maxRowsPerTable", modulo, `none for ${name}`);
  if (ids === "hash" && modulo === 0) throw wrong("maxRowsPerTable", "none", "1 to 2147483647 when ids are hashed");
  const dropNegatives = share("dropNegatives", options.dropNegatives ?? 0);
  if (dropNegatives === 1)
    throw wrong("dropNegatives", 1, "a share from 0 to below 1: a model needs inputs without a click");
  if (isSeries && dropNegatives > 0) throw wrong("dropNegatives", dropNegatives, `0 for ${name}`);
  const byDays = format.split === "days-by-lines" || format.split === "days-by-files";
  const orders = isSeries ? ["total"] : byDays ? ["none", "day", "total"] : ["none", "total"];
  const order = isSeries && options.randomize === undefined ? "total" : randomize;
  if (!orders.includes(order)) throw wrong("randomize", order, `${orders.join(", ")} for ${name}`);
  if (options.days !== undefined && !byDays) throw wrong("days", options.days, `none for ${name}`);
  const days = options.days ?? (format.split === "days-by-lines" || files.length === 1 ? defaultDays : null);
  if (byDays && days !== null) integerIn("days", days, 2, 65536);
  if (options.series !== undefined && !isSeries) throw wrong("series", "given", `none for ${name}`);
  const { trainUsers = 690_000, valUsers = 300_000, perUser = 10, usersMultiple = 256 } = series;
  integerIn("series.trainUsers", trainUsers, 1, 2147483647);
  integerIn("series.valUsers", valUsers, 0, 2147483647);
  integerIn("series.perUser", perUser, 1, 1000);
  integerIn("series.usersMultiple", usersMultiple, 1, 65536);
  const trainFiles = format.split === "days-by-files" && days === null ? files.length - 1 : 0;
  const seed = integerIn("seed", options.seed ?? 0, 0, 4294967295);
  const partBytes = integerIn("partBytes", options.partBytes ?? defaultPartBytes, 1, 2 ** 31 - 1);
  const workers = integerIn("workers", options.workers ?? availableParallelism(), 1, 1024);
  const shaping = {
    ids,
    maxRowsPerTable: modulo || null,
    dropNegatives,
    // Older data sets lack this: all their splits are thinned.
    ...(dropNegatives > 0 ? { thinned: "train" } : {}),
    randomize: order,
    days: byDays ? days : null,
    ...(isSeries ? { trainUsers, valUsers, perUser, usersMultiple } : {}),
    seed,
  };
  return {
    format,
    directory: resolve(directory),
    files,
    read: { format: name, ids, modulo, dropNegatives, trainFiles, seed, partBytes },
    randomize: order,
    days: byDays ? days : null,
    series: { trainUsers, valUsers, perUser, usersMultiple },
    maxRejects: share("maxRejects", options.maxRejects ?? 0.001),
    asGiven: options.asGiven ?? false,
    workers,
    onProgress: options.onProgress ?? (() => {}),
    signal: options.signal ?? null,
    shaping,
  };
}

/** Options whose flag on the command line reads otherwise. */
const flags: Readonly<Record<string, string>> = {
  maxRowsPerTable: "--max-rows-per-table",
  dropNegatives: "--drop-negatives",
  maxRejects: "--max-rejects",
  partBytes: "--part-bytes",
  series: "--train-users, --val-users, --points-per-user, --users-multiple",
  "series.trainUsers": "--train-users",
  "series.valUsers": "--val-users",
  "series.perUser": "--points-per-user",
  "series.usersMultiple": "--users-multiple",
};

function wrong(option: string, found: unknown, expected: string): ConfigError {
  const name = flags[option] === undefined ? option : `${option} (${flags[option]})`;
  return new ConfigError(`Option ${name} is ${JSON.stringify(found)}, expected ${expected}.`, {
    details: { option, found, expected },
  });
}

function integerIn(option: string, value: number, low: number, high: number): number {
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw wrong(option, value, `an integer from ${low} to ${high}`);
}

function share(option: string, value: number): number {
  if (value >= 0 && value <= 1) return value;
  throw wrong(option, value, "a share from 0 to 1");
}
