/**
 * What each route will move between host and device, from sizes and ids alone. Engines count bytes where they copy them;
 * these formulas predict the counts, and the two must be equal.
 */
import { idsPerStep, type RowLayout, strideWords } from "./batch.js";
import { type Bytes, zeroBytes } from "./engine.js";
import type { RouteName } from "./plan.js";

export interface TrafficShape {
  readonly layout: RowLayout;
  /** D. */
  readonly width: number;
  /** Optimizer state per row, in values: `rowStateValues`. */
  readonly stateValues: number;
  /** Values of all dense parameters. */
  readonly parameters: number;
  /** Hot rows per table; all 0 without a hot set. */
  readonly hotRows: readonly number[];
  readonly lookAhead: number;
}

/** Ids of one batch: `[inputs, S', sumL]`, -1 for none. */
export interface BatchIds {
  readonly inputs: number;
  readonly ids: Int32Array;
}

/** What the formulas need to know about batches; sums over several batches are as good as one batch. */
export interface BatchCounts {
  readonly inputs: number;
  /** Distinct rows over all tables (`server`). */
  readonly distinctRows: number;
  /** Distinct cold rows copied to the device, and back (`mixed`). */
  readonly fetchedRows: number;
  readonly writtenRows: number;
}

/**
 * Bytes of one training batch, or of several whose counts were added; switches come on top. 4 bytes per value:
 * - `host` nothing; `device`, `hot` inputs: `inputs * W`;
 * - `hybrid` inputs: `inputs * (1 + S' F)`, rows: `inputs * S' T D` each way;
 * - `server` inputs: `inputs * W`, rows: `distinctRows * D` and parameters: `P` per batch, each way;
 * - `mixed` inputs: `inputs * W`, rows and rowState: `fetchedRows` to the device, `writtenRows` to the host.
 *
 * @param batches number of batches that the counts are the sum of: `server` moves the parameters for each.
 */
export function trainingBytes(route: RouteName, shape: TrafficShape, counts: BatchCounts, batches = 1): Bytes {
  const bytes = evaluationBytes(route, shape, counts, batches);
  if (route === "hybrid" || route === "server") bytes.rows.toHost = bytes.rows.toDevice;
  if (route === "server") bytes.parameters.toHost = bytes.parameters.toDevice;
  if (route === "mixed") {
    bytes.rowState.toDevice = 4 * counts.fetchedRows * shape.stateValues;
    bytes.rows.toHost = 4 * counts.writtenRows * shape.width;
    bytes.rowState.toHost = 4 * counts.writtenRows * shape.stateValues;
  }
  return bytes;
}

/** The same for a batch that is only scored: nothing comes back, optimizer state stays. */
export function evaluationBytes(route: RouteName, shape: TrafficShape, counts: BatchCounts, batches = 1): Bytes {
  const { layout, width, parameters } = shape;
  const steps = Math.max(1, layout.steps);
  const bytes = zeroBytes();
  if (route === "host") return bytes;
  bytes.inputs.toDevice =
    4 * counts.inputs * (route === "hybrid" ? 1 + steps * layout.denseFeatures : strideWords(layout));
  if (route === "hybrid") bytes.rows.toDevice = 4 * counts.inputs * steps * layout.hotness.length * width;
  if (route === "server") {
    bytes.rows.toDevice = 4 * counts.distinctRows * width;
    bytes.parameters.toDevice = 4 * parameters * batches;
  }
  if (route === "mixed") bytes.rows.toDevice = 4 * counts.fetchedRows * width;
  return bytes;
}

/** Bytes of a switch of so many rows, in its one direction: rows with their optimizer state. */
export const switchBytes = ({ width, stateValues }: TrafficShape, rows: number): number =>
  4 * rows * (width + stateValues);

/** Calls `visit(table, id)` for every id that is a row. */
function eachRow(layout: RowLayout, ids: Int32Array, visit: (table: number, id: number) => void): void {
  const tables = layout.hotness.flatMap((bag, table) => new Array<number>(bag).fill(table));
  const count = idsPerStep(layout);
  for (let i = 0; i < ids.length; i++) if (ids[i] >= 0) visit(tables[i % count], ids[i]);
}

/** Distinct rows of a batch as numbers `id * T + table`; `isCold` keeps the cold ones only. */
function rowSet({ layout, hotRows }: TrafficShape, ids: Int32Array, isCold: boolean): Set<number> {
  const rows = new Set<number>();
  eachRow(layout, ids, (table, id) => {
    if (!isCold || id >= hotRows[table]) rows.add(id * layout.hotness.length + table);
  });
  return rows;
}

/** Distinct rows of a batch over all tables. */
export const distinctRowCount = (shape: TrafficShape, ids: Int32Array): number => rowSet(shape, ids, false).size;

/** Cold rows of one batch of a segment, `mixed`: fetched + forwarded = distinct cold rows of the batch. */
export interface ColdRowFlow {
  readonly fetched: number;
  /** Also used by one of the `lookAhead` batches before it: already on the device. */
  readonly forwarded: number;
  /** Not used by any of the `lookAhead` batches behind it: written back. */
  readonly written: number;
}

/** How the cold rows of a segment's batches, in training order, travel on route `mixed`. */
export function coldRowFlow(shape: TrafficShape, batches: Iterable<BatchIds>): ColdRowFlow[] {
  const cold = Array.from(batches, ({ ids }) => rowSet(shape, ids, true));
  const isUsed = (row: number, from: number, to: number) =>
    cold.slice(Math.max(0, from), Math.max(0, to)).some((rows) => rows.has(row));
  return cold.map((rows, b) => {
    let forwarded = 0;
    let written = 0;
    for (const row of rows) {
      if (isUsed(row, b - shape.lookAhead, b)) forwarded++;
      if (!isUsed(row, b + 1, b + 1 + shape.lookAhead)) written++;
    }
    return { fetched: rows.size - forwarded, forwarded, written };
  });
}

/** Predicted traffic of a segment or evaluation, without switches. */
export interface TrafficPrediction {
  readonly bytes: Bytes;
  readonly coldRows: number;
  readonly forwardedRows: number;
}

/**
 * Predicts a segment (`train`) or an evaluation (`evaluate`: all batches of a source in order, as one segment) from the ids of
 * its batches.
 */
export function predictTraffic(
  route: RouteName,
  shape: TrafficShape,
  batches: readonly BatchIds[],
  purpose: "train" | "evaluate",
): TrafficPrediction {
  const flow = route === "mixed" ? coldRowFlow(shape, batches) : [];
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const counts: BatchCounts = {
    inputs: sum(batches.map(({ inputs }) => inputs)),
    distinctRows: route === "server" ? sum(batches.map(({ ids }) => distinctRowCount(shape, ids))) : 0,
    fetchedRows: sum(flow.map(({ fetched }) => fetched)),
    writtenRows: sum(flow.map(({ written }) => written)),
  };
  const bytesOf = purpose === "train" ? trainingBytes : evaluationBytes;
  return {
    bytes: bytesOf(route, shape, counts, batches.length),
    coldRows: counts.fetchedRows,
    forwardedRows: sum(flow.map(({ forwarded }) => forwarded)),
  };
}

/** Predicts the switches of a plan with routes `hot` and `hybrid`, segment by segment in training order. */
export interface SwitchPrediction {
  /** Rows copied (`hot`: up, `hybrid`: down) before the segment; notes which rows its batches update. */
  segment(route: "hot" | "hybrid", batches: Iterable<BatchIds>): number;
  /** Rows copied down before an evaluation. */
  evaluation(): number;
}

/** At the start no hot row is on the device: the first hot segment takes all of them up. */
export function predictSwitches(shape: TrafficShape): SwitchPrediction {
  const { layout, hotRows } = shape;
  const tables = hotRows.length;
  const dirty = { hybrid: new Set<number>(), hot: new Set<number>() };
  hotRows.forEach((rows, table) => {
    for (let id = 0; id < rows; id++) dirty.hybrid.add(id * tables + table);
  });
  const take = (rows: Set<number>): number => {
    const count = rows.size;
    rows.clear();
    return count;
  };
  return {
    segment(route, batches) {
      const switched = take(route === "hot" ? dirty.hybrid : dirty.hot);
      for (const { ids } of batches)
        eachRow(layout, ids, (table, id) => {
          if (id < hotRows[table]) dirty[route].add(id * tables + table);
        });
      return switched;
    },
    evaluation: () => take(dirty.hot),
  };
}
