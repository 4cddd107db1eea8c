import {
  checkArguments,
  checkOptions,
  dataKinds,
  is,
  type PreparedData,
  type SplitName,
  strideWords,
  UnsupportedError,
} from "@fae/core";
import { npzKinds } from "../call-kinds.js";
import { bytesOf } from "../prepare/files.js";
import { logOrder, mustBeFlat, rowBlocks, rowsOf } from "./export-rows.js";
import { type NpyStream, type NpzOptions, writeNpzStreams } from "./npz.js";

/**
 * Writes a data set as the reference's `kaggleAdDisplayChallenge_processed.npz`: `X_cat` float64 [n, T], `X_int` int32 [n, F],
 * `y` int32 [n], `counts` int32 [T]; training rows first, then test, then validation, which is the order of the log.
 * @throws UnsupportedError for series, bags or float dense values.
 */
export async function exportNpz(data: PreparedData, path: string, options: NpzOptions = {}): Promise<void> {
  checkArguments("exportNpz", { data: [data, dataKinds.prepared], path: [path, is.text] });
  checkOptions<NpzOptions>("exportNpz", options, npzKinds);
  const { compress = true } = options;
  mustBeFlat(data, "This .npz");
  const rows = rowsOf(data, logOrder);
  const stride = strideWords(data.layout);
  const { denseFeatures } = data.layout;
  const tables = data.tables.length;
  const columns = (from: number, count: number) => () => gather(data, logOrder, stride, from, count);
  const streams: NpyStream[] = [
    {
      name: "X_cat",
      header: header("float64", [rows, tables]),
      pieces: asFloat64(columns(1 + denseFeatures, tables)()),
    },
    { name: "X_int", header: header("int32", [rows, denseFeatures]), pieces: asBytes(columns(1, denseFeatures)()) },
    { name: "y", header: header("int32", [rows]), pieces: asBytes(columns(0, 1)()) },
    {
      name: "counts",
      header: header("int32", [tables]),
      pieces: [bytesOf(Int32Array.from(data.tables, ({ rows }) => rows))],
    },
  ];
  await writeNpzStreams(path, streams, compress);
}

/**
 * Writes one split of a series data set as TBSM's `taobao_<split>_t20.npz`: `X_cat` int32 [T, n, S], `X_int` float64
 * [F, n, S], `y` int32 [n].
 * @throws UnsupportedError for data without steps.
 */
export async function exportSeriesNpz(
  data: PreparedData,
  split: SplitName,
  path: string,
  options: NpzOptions = {},
): Promise<void> {
  checkArguments("exportSeriesNpz", {
    data: [data, dataKinds.prepared],
    split: [split, dataKinds.split],
    path: [path, is.text],
  });
  checkOptions<NpzOptions>("exportSeriesNpz", options, npzKinds);
  const { compress = true } = options;
  const { steps, hotness, denseFeatures, denseEncoding } = data.layout;
  if (steps === 0 || denseEncoding !== "float32" || hotness.some((count) => count !== 1)) {
    throw new UnsupportedError(`'${data.directory}' holds no series of float dense values and one id a table.`, {
      fix: "Use exportNpz or Parquet.",
      details: { path: data.directory },
    });
  }
  const rows = rowsOf(data, [split]);
  const stride = strideWords(data.layout);
  const tables = hotness.length;
  const perStep = denseFeatures + tables;
  /** Column `column` of every step, row after row. */
  function* series(column: number): Generator<Int32Array> {
    for (const words of rowBlocks(data, [split])) {
      const out = new Int32Array((words.length / stride) * steps);
      for (let at = 1 + column, i = 0; at < words.length; at += stride) {
        for (let step = 0; step < steps; step++) out[i++] = words[at + step * perStep];
      }
      yield out;
    }
  }
  function* all(from: number, count: number): Generator<Int32Array> {
    for (let column = from; column < from + count; column++) yield* series(column);
  }
  await writeNpzStreams(
    path,
    [
      { name: "X_cat", header: header("int32", [tables, rows, steps]), pieces: asBytes(all(denseFeatures, tables)) },
      {
        name: "X_int",
        header: header("float64", [denseFeatures, rows, steps]),
        pieces: floatsAsFloat64(all(0, denseFeatures)),
      },
      { name: "y", header: header("int32", [rows]), pieces: asBytes(gather(data, [split], stride, 0, 1)) },
    ],
    compress,
  );
}

const header = (type: "float64" | "int32", shape: number[]) => ({ type, shape, isFortran: false });

/** Words `[from, from + count)` of every row. */
function* gather(
  data: PreparedData,
  splits: readonly SplitName[],
  stride: number,
  from: number,
  count: number,
): Generator<Int32Array> {
  for (const words of rowBlocks(data, splits)) {
    const out = new Int32Array((words.length / stride) * count);
    for (let at = from, i = 0; at < words.length; at += stride)
      for (let c = 0; c < count; c++) out[i++] = words[at + c];
    yield out;
  }
}

function* asBytes(blocks: Iterable<Int32Array>): Generator<Uint8Array> {
  for (const block of blocks) yield bytesOf(block);
}

function* asFloat64(blocks: Iterable<Int32Array>): Generator<Uint8Array> {
  for (const block of blocks) yield bytesOf(Float64Array.from(block));
}

function* floatsAsFloat64(blocks: Iterable<Int32Array>): Generator<Uint8Array> {
  for (const { buffer, length } of blocks) yield bytesOf(Float64Array.from(new Float32Array(buffer, 0, length)));
}
