import {
  type Bytes,
  type Evaluation,
  type RouteName,
  type SegmentReport,
  type Stage,
  stages,
  trafficKinds,
  zeroBytes,
} from "@fae/core";

export type Seconds = Record<Stage, number>;
export const zeroSeconds = (): Seconds => Object.fromEntries(stages.map((stage) => [stage, 0])) as Seconds;

/** Adds `more` to `sum`. */
export function addBytes(sum: Bytes, more: Readonly<Bytes>): void {
  for (const kind of trafficKinds) {
    sum[kind].toDevice += more[kind].toDevice;
    sum[kind].toHost += more[kind].toHost;
  }
}

/** Bytes of embedding rows, their gradients and their optimizer state, both ways, switches included. */
export const embeddingBytes = (bytes: Readonly<Bytes>): number =>
  (["rows", "rowState", "switch"] as const).reduce((sum, kind) => sum + bytes[kind].toDevice + bytes[kind].toHost, 0);

/** All bytes, both ways. */
export const allBytes = (bytes: Readonly<Bytes>): number =>
  trafficKinds.reduce((sum, kind) => sum + bytes[kind].toDevice + bytes[kind].toHost, 0);

/** What one route did during a run. */
export interface RouteTotals {
  batches: number;
  inputs: number;
  seconds: number;
}

/** Sums over a run of training: every number comes from segment reports and evaluations. */
export interface Totals {
  batches: number;
  inputs: number;
  /** Wall seconds inside training segments, and inside evaluations. */
  trainSeconds: number;
  evaluateSeconds: number;
  readonly stageSeconds: Seconds;
  readonly trainBytes: Bytes;
  readonly evaluateBytes: Bytes;
  /** Training bytes per epoch. */
  readonly epochBytes: Bytes[];
  coldRows: number;
  forwardedRows: number;
  switchedRows: number;
  /** Changes of route between two segments that follow one another. */
  switches: number;
  readonly routes: Partial<Record<RouteName, RouteTotals>>;
}

export const emptyTotals = (): Totals => ({
  batches: 0,
  inputs: 0,
  trainSeconds: 0,
  evaluateSeconds: 0,
  stageSeconds: zeroSeconds(),
  trainBytes: zeroBytes(),
  evaluateBytes: zeroBytes(),
  epochBytes: [],
  coldRows: 0,
  forwardedRows: 0,
  switchedRows: 0,
  switches: 0,
  routes: {},
});

export function addSegment(totals: Totals, route: RouteName, epoch: number, report: SegmentReport): void {
  totals.batches += report.batches;
  totals.inputs += report.inputs;
  totals.trainSeconds += report.totalSeconds;
  for (const stage of stages) totals.stageSeconds[stage] += report.seconds[stage];
  addBytes(totals.trainBytes, report.bytes);
  while (totals.epochBytes.length <= epoch) totals.epochBytes.push(zeroBytes());
  addBytes(totals.epochBytes[epoch], report.bytes);
  totals.coldRows += report.coldRows;
  totals.forwardedRows += report.forwardedRows;
  totals.switchedRows += report.switchedRows;
  totals.routes[route] ??= { batches: 0, inputs: 0, seconds: 0 };
  const ofRoute = totals.routes[route];
  ofRoute.batches += report.batches;
  ofRoute.inputs += report.inputs;
  ofRoute.seconds += report.totalSeconds;
}

export function addEvaluation(totals: Totals, evaluation: Evaluation): void {
  totals.evaluateSeconds += evaluation.seconds;
  addBytes(totals.evaluateBytes, evaluation.bytes);
}
