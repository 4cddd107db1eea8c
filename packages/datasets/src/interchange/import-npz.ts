import { join } from "node:path";
import { ConfigError, checkOptions, DataError, type PreparedData, type RowLayout, strideWords } from "@fae/core";
import { importNpzKinds } from "../call-kinds.js";
import { equalDays, mustTrain, splitByDays, splitByShare } from "../prepare/splits.js";
import type { RawFormatName } from "../raw-format.js";
import { rawFormats } from "../raw-formats.js";
import { type ImportSplit, importRows } from "./import-rows.js";
import { matrixRows, unpackMatrix } from "./matrix.js";
import { entryOf, expectShape, npzEntries, readNpz, shapeError } from "./npz.js";
import type { ZipEntry } from "./zip.js";

export interface ImportNpzOptions {
  /** What the file was made from; names the tables and says how inputs are split. */
  readonly format: Exclude<RawFormatName, "taobao">;
  /** The reference's `..._processed.npz`. */
  readonly file: string;
  readonly directory: string;
  /** Inputs of each day, as in the reference's `<name>_day_count.npz`; default `days` equal days. Not for Avazu. */
  readonly dayRows?: readonly number[];
  /** Default 7 for Criteo Kaggle, 24 for Terabyte. */
  readonly days?: number;
}

const blockRows = 4096;

/**
 * Imports the reference's `.npz` of a whole log: arrays `X_cat` [n, T], `X_int` [n, F], `y` [n], `counts` [T] of any number
 * type and either index order. Memory: one block of rows, whatever the file. The splits are those of `prepare`.
 * @throws DataError naming array, element, value found and value expected.
 */
export async function importNpz(options: ImportNpzOptions): Promise<PreparedData> {
  checkOptions<ImportNpzOptions>("importNpz", options, importNpzKinds);
  const { format: name, file, directory } = options;
  const format = rawFormats[name];
  if (!format || format.split === "series") {
    throw new ConfigError(`Option format is '${name}', expected criteo-kaggle, criteo-terabyte or avazu.`, {
      fix: "Use importSeriesNpz for series.",
      details: { option: "format", found: name },
    });
  }
  const entries = await npzEntries(file);
  const counts = await readCounts(file, entries);
  if (counts.length !== format.tables.length) throw shapeError(file, "counts", [counts.length], [format.tables.length]);
  const { denseFeatures } = format;
  const tables = format.tables.map(({ name }, t) => ({ name, rows: counts[t] }));
  const layout: RowLayout = { denseFeatures, denseEncoding: "int32-log1p", steps: 0, hotness: tables.map(() => 1) };
  const { dayRows = null } = options;
  const days = options.days ?? (name === "criteo-terabyte" ? 24 : 7);
  const settings = format.split === "share" ? {} : { days: dayRows ? [...dayRows] : days };
  const target = {
    directory,
    source: name,
    layout,
    tables,
    files: [file],
    options: { importedFrom: "npz", ...settings },
  };
  return importRows(target, async (intake, work) => {
    const unpack = (array: string) => unpackMatrix(file, entryOf(file, entries, array), join(work, array), "int32");
    const y = await unpack("y");
    const cat = await unpack("X_cat");
    const int = await unpack("X_int");
    const rows = y.shape[0];
    expectShape(file, "y", y.shape, [rows]);
    expectShape(file, "X_cat", cat.shape, [rows, tables.length]);
    expectShape(file, "X_int", int.shape, [rows, denseFeatures]);
    const { testAt, valAt } = mustTrain(
      format.split === "share"
        ? splitByShare(rows)
        : splitByDays(rows, dayStarts(file, rows, days, dayRows), (line) => line),
    );
    const stride = strideWords(layout);
    const ranges: [ImportSplit, number, number][] = [
      ["train", 0, testAt],
      ["test", testAt, valAt],
      ["val", valAt, rows],
    ];
    for (const [split, from, to] of ranges) {
      for (let row = from; row < to; row += blockRows) {
        const count = Math.min(blockRows, to - row);
        const [labels, dense, ids] = [y, int, cat].map((matrix) => matrixRows(matrix, row, count));
        const words = new Int32Array(count * stride);
        for (let i = 0; i < count; i++) {
          words[i * stride] = labels[i];
          words.set(dense.subarray(i * denseFeatures, (i + 1) * denseFeatures), i * stride + 1);
          words.set(ids.subarray(i * tables.length, (i + 1) * tables.length), i * stride + 1 + denseFeatures);
        }
        intake.write(split, words);
      }
    }
  });
}

function dayStarts(file: string, rows: number, days: number, dayRows: readonly number[] | null): number[] {
  if (!dayRows) return equalDays(rows, days);
  const sum = dayRows.reduce((a, b) => a + b, 0);
  if (sum !== rows) {
    throw new DataError(`The days have ${sum} inputs, '${file}' has ${rows}.`, {
      fix: "Give the day counts of the same file.",
      details: { path: file, found: sum, expected: rows },
    });
  }
  return dayRows.map((_, day) => dayRows.slice(0, day).reduce((a, b) => a + b, 0));
}

async function readCounts(file: string, entries: ReadonlyMap<string, ZipEntry>): Promise<number[]> {
  entryOf(file, entries, "counts");
  const { counts } = await readNpz(file, ["counts"]);
  return Array.from(counts.data, Number);
}
