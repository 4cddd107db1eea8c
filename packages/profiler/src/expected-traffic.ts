import {
  type BatchIds,
  type Bytes,
  checkOptions,
  coldRowFlow,
  distinctRowCount,
  permutation,
  type RouteName,
  strideWords,
  type TrafficShape,
  trafficKinds,
  trainingBytes,
  zeroBytes,
} from "@fae/core";
import { copyInputs, type RowSource } from "./blocks.js";
import { trafficOptionKinds } from "./call-kinds.js";
import { columnsOf } from "./columns.js";

export interface TrafficOptions {
  readonly source: RowSource;
  /** Whether a row is hot. */
  readonly isHot: (table: number, id: number) => boolean;
  /** Share of inputs that are hot. */
  readonly hotInputShare: number;
  /** D. */
  readonly width: number;
  /** Optimizer state per row, in values. */
  readonly stateValues: number;
  /** B. */
  readonly batch: number;
  /** Values of all dense parameters. */
  readonly parameters: number;
  readonly lookAhead: number;
  readonly seed: number;
}

export interface ExpectedTraffic {
  /** Batches that were looked at: one segment of shuffled inputs. */
  readonly measuredBatches: number;
  /** Means per batch. */
  readonly distinctRows: number;
  readonly coldRows: number;
  readonly fetchedRows: number;
  readonly forwardedRows: number;
  /** Mean bytes of one full training batch on each route; `fae` is hot and hybrid in the proportion of the inputs. */
  readonly bytes: Readonly<Record<RouteName | "fae", Bytes>>;
}

/** As many batches as one segment usually has, but about this many inputs at most. */
const segmentBatches = 64;
const mostInputs = 2 ** 16;
const fewestBatches = 8;

/**
 * Bytes that one training batch will move on each route, from the formulas of core and the row numbers of real batches: a
 * segment of shuffled inputs is read and its distinct rows are counted.
 */
export function expectedTraffic(options: TrafficOptions): ExpectedTraffic {
  checkOptions<TrafficOptions>("expectedTraffic", options, trafficOptionKinds);
  const { source, isHot, batch, seed, width, stateValues, parameters, lookAhead, hotInputShare } = options;
  const full = Math.min(batch, source.rows);
  const batches = Math.min(
    Math.max(fewestBatches, Math.min(segmentBatches, Math.floor(mostInputs / Math.max(1, full)))),
    full === 0 ? 0 : Math.floor(source.rows / full),
  );
  const read = readBatches(source, full, batches, seed);
  const shape: TrafficShape = {
    layout: source.layout,
    width,
    stateValues,
    parameters,
    // Ids need not be in popularity order: hot ones are blanked below, so that all that is left is cold.
    hotRows: source.layout.hotness.map(() => 0),
    lookAhead,
  };
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, batches);
  const flow = coldRowFlow(
    shape,
    read.map((ids) => withoutHot(ids, source, isHot)),
  );
  const counts = {
    inputs: full,
    distinctRows: mean(read.map(({ ids }) => distinctRowCount(shape, ids))),
    fetchedRows: mean(flow.map(({ fetched }) => fetched)),
    writtenRows: mean(flow.map(({ written }) => written)),
  };
  const of = (route: RouteName) => trainingBytes(route, shape, counts);
  const forwardedRows = mean(flow.map(({ forwarded }) => forwarded));
  return {
    measuredBatches: batches,
    distinctRows: counts.distinctRows,
    coldRows: counts.fetchedRows + forwardedRows,
    fetchedRows: counts.fetchedRows,
    forwardedRows,
    bytes: {
      host: of("host"),
      hybrid: of("hybrid"),
      server: of("server"),
      fae: blend(of("hot"), of("hybrid"), hotInputShare),
      mixed: of("mixed"),
      hot: of("hot"),
      device: of("device"),
    },
  };
}

/** All bytes of one direction. */
export const totalBytes = (bytes: Bytes, direction: "toDevice" | "toHost"): number =>
  trafficKinds.reduce((sum, kind) => sum + bytes[kind][direction], 0);

function readBatches(source: RowSource, batch: number, batches: number, seed: number): BatchIds[] {
  const stride = strideWords(source.layout);
  const columns = columnsOf(source.layout);
  const rowAt = permutation(source.rows, seed, 0);
  const words = new Int32Array(batch * stride);
  return Array.from({ length: batches }, (_, b) => {
    const rows = Array.from({ length: batch }, (_, i) => rowAt(b * batch + i));
    copyInputs(source, rows, words);
    const ids = new Int32Array(batch * columns.length);
    for (let i = 0; i < batch; i++)
      for (let c = 0; c < columns.length; c++) ids[i * columns.length + c] = words[i * stride + columns[c].word];
    return { inputs: batch, ids };
  });
}

function withoutHot({ inputs, ids }: BatchIds, source: RowSource, isHot: TrafficOptions["isHot"]): BatchIds {
  const tables = columnsOf(source.layout).map(({ table }) => table);
  return {
    inputs,
    ids: ids.map((id, i) => (id >= 0 && isHot(tables[i % tables.length], id) ? -1 : id)),
  };
}

function blend(hot: Bytes, cold: Bytes, hotShare: number): Bytes {
  const bytes = zeroBytes();
  for (const kind of trafficKinds)
    for (const direction of ["toDevice", "toHost"] as const)
      bytes[kind][direction] = hotShare * hot[kind][direction] + (1 - hotShare) * cold[kind][direction];
  return bytes;
}
