import { renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import {
  checkArguments,
  checkOptions,
  dataKinds,
  is,
  lockPath,
  type PreparedData,
  type SplitName,
  strideWords,
  syncPath,
  withPath,
} from "@fae/core";
import { type ColumnSource, fileWriter, ParquetWriter } from "hyparquet-writer";
import { exportParquetKinds } from "../call-kinds.js";
import { rowBlocks } from "./export-rows.js";
import { columnsOf, denseNames } from "./parquet-columns.js";

/** Key of the file's metadata under which the layout travels, so that an import needs no description. */
export const layoutKey = "fae.layout";

export interface ExportParquetOptions {
  /** Rows of one row group; default 100,000. */
  readonly groupRows?: number;
}

/**
 * Writes one split as Parquet: `label`, dense features (raw int32 counts or float32) and ids, each a required column; Snappy.
 * The file appears whole or not at all. Memory: one row group.
 */
export async function exportParquet(
  data: PreparedData,
  split: SplitName,
  path: string,
  options: ExportParquetOptions = {},
): Promise<void> {
  checkArguments("exportParquet", {
    data: [data, dataKinds.prepared],
    split: [split, dataKinds.split],
    path: [path, is.text],
  });
  checkOptions<ExportParquetOptions>("exportParquet", options, exportParquetKinds);
  const { groupRows = 100_000 } = options;
  const { layout, tables, source } = data;
  const dense = denseNames(data);
  const names = tables.map(({ name }) => name);
  const columns = columnsOf(layout, dense, names);
  const isFloat = layout.denseEncoding === "float32";
  const type = (kind: string) => (kind === "dense" && isFloat ? "FLOAT" : "INT32");
  const temporary = `${path}.partial`;
  const lock = await lockPath(path);
  try {
    rmSync(temporary, { force: true });
    const writer = new ParquetWriter({
      writer: fileWriter(temporary),
      schema: [
        { name: "root", num_children: columns.length },
        ...columns.map(({ name, kind }) => ({ name, type: type(kind), repetition_type: "REQUIRED" }) as const),
      ],
      kvMetadata: [{ key: layoutKey, value: JSON.stringify({ source, layout, dense, tables }) }],
      createdBy: "fae",
    });
    const stride = strideWords(layout);
    for (const words of gathered(rowBlocks(data, [split]), groupRows * stride)) {
      const rows = words.length / stride;
      const columnData = columns.map(({ name, word, kind }): ColumnSource => {
        const values = new Int32Array(rows);
        for (let i = 0; i < rows; i++) values[i] = words[i * stride + word];
        return { name, data: type(kind) === "FLOAT" ? new Float32Array(values.buffer) : values };
      });
      await writer.write({ columnData, rowGroupSize: groupRows });
    }
    await writer.finish();
    syncPath(temporary);
    renameSync(temporary, path);
    syncPath(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw withPath(error, path);
  } finally {
    lock.release();
  }
}

/** Blocks joined to runs of `words` words, the last one shorter. */
function* gathered(blocks: Iterable<Int32Array>, words: number): Generator<Int32Array> {
  const run = new Int32Array(words);
  let used = 0;
  for (let block of blocks) {
    while (block.length > 0) {
      const taken = block.subarray(0, words - used);
      run.set(taken, used);
      used += taken.length;
      block = block.subarray(taken.length);
      if (used < words) continue;
      yield run;
      used = 0;
    }
  }
  if (used > 0) yield run.subarray(0, used);
}
