import type { RouteName, Stage, Traffic } from "@fae/core";
import type { SegmentEvent } from "../train/loop.js";

type Sums<K extends string> = Readonly<Partial<Record<K, number>>>;

/** Segments in a row, added up. */
export interface Slice {
  /** Updates done before and after. */
  readonly from: number;
  readonly to: number;
  readonly epoch: number;
  readonly inputs: number;
  readonly seconds: number;
  /** Mean over batches; least and greatest mean of a segment. */
  readonly loss: number;
  readonly lossLow: number;
  readonly lossHigh: number;
  /** As they were at the end. */
  readonly learningRate: number;
  readonly schedulerRate: number | null;
  /** The greatest. */
  readonly rssBytes: number | null;
  readonly deviceBytes: number | null;
  readonly stages: Sums<Stage>;
  readonly toDevice: Sums<Traffic>;
  readonly toHost: Sums<Traffic>;
  /** Route mixed: cold rows. */
  readonly cold: Sums<"fetched" | "forwarded">;
  /** Batches on each route. */
  readonly routes: Sums<RouteName>;
}

export const sliceOf = (event: SegmentEvent): Slice => ({
  from: event.step - event.batches,
  to: event.step,
  epoch: event.epoch,
  inputs: event.inputs,
  seconds: event.seconds,
  loss: event.loss,
  lossLow: event.loss,
  lossHigh: event.loss,
  learningRate: event.learningRate,
  schedulerRate: event.schedulerRate ?? null,
  rssBytes: event.rssBytes ?? null,
  deviceBytes: event.deviceBytes ?? null,
  stages: event.stages,
  toDevice: event.toDevice,
  toHost: event.toHost,
  cold: { fetched: event.coldRows ?? 0, forwarded: event.forwardedRows ?? 0 },
  routes: { [event.route]: event.batches },
});

export function mergeSlices(a: Slice, b: Slice): Slice {
  const [ofA, ofB] = [batchesOf(a), batchesOf(b)];
  return {
    from: a.from,
    to: b.to,
    epoch: b.epoch,
    inputs: a.inputs + b.inputs,
    seconds: a.seconds + b.seconds,
    loss: (a.loss * ofA + b.loss * ofB) / (ofA + ofB),
    lossLow: Math.min(a.lossLow, b.lossLow),
    lossHigh: Math.max(a.lossHigh, b.lossHigh),
    learningRate: b.learningRate,
    schedulerRate: b.schedulerRate ?? a.schedulerRate,
    rssBytes: greater(a.rssBytes, b.rssBytes),
    deviceBytes: greater(a.deviceBytes, b.deviceBytes),
    stages: added(a.stages, b.stages),
    toDevice: added(a.toDevice, b.toDevice),
    toHost: added(a.toHost, b.toHost),
    cold: added(a.cold, b.cold),
    routes: added(a.routes, b.routes),
  };
}

/** Batches that are counted: those of lost lines between two slices are not. */
export const batchesOf = ({ routes }: Slice): number => total(routes);

const greater = (a: number | null, b: number | null): number | null => (a === null || (b !== null && b > a) ? b : a);

function added<K extends string>(a: Sums<K>, b: Sums<K>): Sums<K> {
  const sum: Partial<Record<K, number>> = { ...a };
  for (const key of Object.keys(b) as K[]) sum[key] = (sum[key] ?? 0) + (b[key] ?? 0);
  return sum;
}

export const total = (sums: Readonly<Partial<Record<string, number>>>): number =>
  Object.values(sums).reduce<number>((sum, value) => sum + (value ?? 0), 0);
