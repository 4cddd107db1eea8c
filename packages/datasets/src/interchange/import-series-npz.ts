import { join } from "node:path";
import { checkOptions, type PreparedData, type RowLayout, strideWords, UnsupportedError } from "@fae/core";
import { importSeriesKinds } from "../call-kinds.js";
import { rawFormats } from "../raw-formats.js";
import { importRows } from "./import-rows.js";
import { type Matrix, unpackMatrix } from "./matrix.js";
import { entryOf, expectShape, npzEntries, shapeError, withNpy } from "./npz.js";

export interface ImportSeriesNpzOptions {
  /** TBSM's `taobao_{train,val,test}_t20.npz`. */
  readonly files: { readonly train: string; readonly val: string; readonly test: string };
  readonly directory: string;
  /** Cardinalities of user, item and category: the files do not hold them. */
  readonly tableRows: readonly number[];
}

/**
 * Imports TBSM's series: `X_cat` [T, n, S], `X_int` [F, n, S], `y` [n] in each of three files.
 * @throws DataError naming array, element, value found and value expected.
 */
export async function importSeriesNpz(options: ImportSeriesNpzOptions): Promise<PreparedData> {
  checkOptions<ImportSeriesNpzOptions>("importSeriesNpz", options, importSeriesKinds);
  const { files, directory, tableRows } = options;
  const { tables: known } = rawFormats.taobao;
  if (tableRows.length !== known.length) throw shapeError(files.train, "tableRows", [tableRows.length], [known.length]);
  const tables = known.map(({ name }, t) => ({ name, rows: tableRows[t] }));
  const [denseFeatures, , steps] = await stepsOf(files.train);
  const layout: RowLayout = { denseFeatures, denseEncoding: "float32", steps, hotness: tables.map(() => 1) };
  const paths = [files.train, files.val, files.test];
  const target = {
    directory,
    source: "taobao" as const,
    layout,
    tables,
    files: paths,
    options: { importedFrom: "npz" },
  };
  return importRows(target, async (intake, work) => {
    for (const split of ["train", "val", "test"] as const) {
      const file = files[split];
      const entries = await npzEntries(file);
      const unpack = (array: string, kind: "int32" | "float32") =>
        unpackMatrix(file, entryOf(file, entries, array), join(work, `${split}-${array}`), kind);
      const y = await unpack("y", "int32");
      const cat = await unpack("X_cat", "int32");
      const int = await unpack("X_int", "float32");
      const rows = y.shape[0];
      expectShape(file, "X_cat", cat.shape, [tables.length, rows, steps]);
      expectShape(file, "X_int", int.shape, [denseFeatures, rows, steps]);
      if (cat.isFortran || int.isFortran) {
        throw new UnsupportedError(`The arrays of '${file}' are in Fortran order.`, {
          fix: "Save them again with numpy.ascontiguousarray.",
          details: { path: file },
        });
      }
      const stride = strideWords(layout);
      for (let row = 0; row < rows; row += blockRows) {
        const count = Math.min(blockRows, rows - row);
        const words = new Int32Array(count * stride);
        const labels = y.read(row, count);
        for (let i = 0; i < count; i++) words[i * stride] = labels[i];
        const part = { rows, row, count, steps };
        const columns = [...sheets(int, denseFeatures, part), ...sheets(cat, tables.length, part)];
        for (const [column, values] of columns.entries()) {
          for (let i = 0; i < count; i++) {
            for (let s = 0; s < steps; s++) words[i * stride + 1 + s * columns.length + column] = values[i * steps + s];
          }
        }
        intake.write(split, words);
      }
    }
  });
}

const blockRows = 4096;

interface SheetPart {
  readonly rows: number;
  readonly row: number;
  readonly count: number;
  readonly steps: number;
}

/** Rows `[row, row + count)` of each sheet of a [sheets, rows, S] array. */
const sheets = (matrix: Matrix, sheetCount: number, { rows, row, count, steps }: SheetPart): Int32Array[] =>
  Array.from({ length: sheetCount }, (_, sheet) => matrix.read((sheet * rows + row) * steps, count * steps));

/** Shape of `X_int`: [F, n, S]. */
async function stepsOf(file: string): Promise<readonly number[]> {
  const header = await withNpy(file, entryOf(file, await npzEntries(file), "X_int"), (header) => header);
  if (header.shape.length !== 3) throw shapeError(file, "X_int", header.shape, [1, "n", 21]);
  return header.shape;
}
