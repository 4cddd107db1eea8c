import { existsSync, rmSync, statSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import {
  ConfigError,
  checkArguments,
  checkOptions,
  DataError,
  dataKinds,
  expectFile,
  is,
  lockPath,
  makeDirectory,
  type PreparedData,
  type RowLayout,
  strideBytes,
  syncPath,
} from "@fae/core";
import { importTerabyteKinds } from "../call-kinds.js";
import { bytesOf, readFully, withFile } from "../prepare/files.js";
import type { RawFormatName } from "../raw-format.js";
import { rawFormats } from "../raw-formats.js";
import { mustBeFlat } from "./export-rows.js";
import { importRows } from "./import-rows.js";
import { readNpz, shapeError, writeNpz } from "./npz.js";

export interface ImportTerabyteBinaryOptions {
  /** `train_data.bin` and, where they exist, `test_data.bin` and `val_data.bin`. */
  readonly files: { readonly train: string; readonly test?: string; readonly val?: string };
  /** `day_fea_count.npz` (array `counts`), or the cardinalities themselves. */
  readonly counts: string | readonly number[];
  readonly directory: string;
  /** Default criteo-terabyte. */
  readonly format?: Extract<RawFormatName, "criteo-kaggle" | "criteo-terabyte">;
}

const blockRows = 4096;

/**
 * Imports the reference's Terabyte binary: headerless rows of 40 little-endian int32 (label, 13 raw counts, 26 ids), which are
 * the rows of a prepared data set; every row is checked on the way.
 * @throws DataError for a file that is no whole number of rows, and for labels, counts and ids out of range.
 */
export async function importTerabyteBinary(options: ImportTerabyteBinaryOptions): Promise<PreparedData> {
  checkOptions<ImportTerabyteBinaryOptions>("importTerabyteBinary", options, importTerabyteKinds);
  const { files, directory, format: name = "criteo-terabyte" } = options;
  const format = rawFormats[name];
  const counts = await cardinalities(options.counts);
  if (counts.length !== format.tables.length) {
    throw shapeError(String(options.counts), "counts", [counts.length], [format.tables.length]);
  }
  const tables = format.tables.map(({ name }, t) => ({ name, rows: counts[t] }));
  const { denseFeatures } = format;
  const layout: RowLayout = { denseFeatures, denseEncoding: "int32-log1p", steps: 0, hotness: tables.map(() => 1) };
  const stride = strideBytes(layout);
  const given = (["train", "test", "val"] as const).flatMap((split) => {
    const path = files[split];
    return path === undefined ? [] : [{ split, path, rows: wholeRows(path, stride) }];
  });
  const paths = given.map(({ path }) => path);
  const target = { directory, source: name, layout, tables, files: paths, options: { importedFrom: "binary" } };
  return importRows(target, async (intake) => {
    for (const { split, path, rows } of given) {
      withFile(path, "r", (file) => {
        for (let row = 0; row < rows; row += blockRows) {
          const words = new Int32Array((Math.min(blockRows, rows - row) * stride) / 4);
          readFully(file, bytesOf(words), row * stride, path);
          intake.write(split, words);
        }
      });
    }
  });
}

function wholeRows(path: string, stride: number): number {
  expectFile(path);
  const bytes = statSync(path, { throwIfNoEntry: false })?.size;
  if (bytes === undefined)
    throw new DataError(`'${path}' does not exist.`, { fix: "Check the path.", details: { path } });
  if (bytes % stride === 0) return bytes / stride;
  throw new DataError(`'${path}' has ${bytes} bytes, which is no multiple of ${stride} (40 words a row).`, {
    fix: "Copy or write it again.",
    details: { path, found: bytes, expected: bytes - (bytes % stride) },
  });
}

async function cardinalities(counts: string | readonly number[]): Promise<number[]> {
  if (typeof counts !== "string") return [...counts];
  const arrays = await readNpz(counts, ["counts"]);
  return Array.from(arrays.counts.data, Number);
}

/**
 * Writes a Criteo data set as the reference's Terabyte binary: `train_data.bin`, `test_data.bin`, `val_data.bin` and
 * `day_fea_count.npz` in a new directory.
 * @throws UnsupportedError for data of another layout, ConfigError when one of the files exists.
 */
export async function exportTerabyteBinary(data: PreparedData, directory: string): Promise<void> {
  checkArguments("exportTerabyteBinary", { data: [data, dataKinds.prepared], directory: [directory, is.text] });
  mustBeFlat(data, "This binary");
  const lock = await lockPath(directory);
  try {
    await writeBinaries(data, directory);
  } finally {
    lock.release();
  }
}

async function writeBinaries(data: PreparedData, directory: string): Promise<void> {
  makeDirectory(directory);
  const countsPath = join(directory, "day_fea_count.npz");
  const copies = (["train", "test", "val"] as const).flatMap((split) => {
    const from = data.splits[split];
    return from ? [{ from: from.path, to: join(directory, `${split}_data.bin`) }] : [];
  });
  const existing = [countsPath, ...copies.map(({ to }) => to)].find((path) => existsSync(path));
  if (existing !== undefined) {
    throw new ConfigError(`'${existing}' exists already.`, {
      fix: "Choose another directory.",
      details: { path: existing },
    });
  }
  try {
    for (const { from, to } of copies) {
      await copyFile(from, to);
      syncPath(to);
    }
    const counts = Int32Array.from(data.tables, ({ rows }) => rows);
    await writeNpz(countsPath, { counts: { type: "int32", shape: [counts.length], data: counts } });
  } catch (error) {
    for (const { to } of copies) rmSync(to, { force: true });
    throw error;
  }
}
