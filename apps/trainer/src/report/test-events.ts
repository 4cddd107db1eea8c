import type { RouteName } from "@fae/core";
import type { SegmentEvent, TestEvent } from "../train/loop.js";
import type { StartEvent } from "../train/run-events.js";

/** Events of a run that never was, for tests. */
export const aStart = (given: Partial<StartEvent> = {}): StartEvent => ({
  kind: "start",
  step: 0,
  startedAt: "2026-01-02T03:04:05.678Z",
  fae: "0.1.0",
  model: "rmc2",
  strategy: "fae",
  routes: ["hot", "hybrid"],
  engine: "cpu",
  machine: "a machine",
  data: "packed",
  optimizer: "sgd",
  learningRate: 0.1,
  batch: 100,
  epochs: 1,
  rows: 5000,
  width: 16,
  parameters: 700,
  hotRows: 50,
  inputsTotal: 400_000,
  stepsTotal: 4000,
  hostBytes: 2 ** 20,
  deviceBytes: 2 ** 18,
  ...given,
});

export const aSegment = (step: number, route: RouteName = "hot", given: Partial<SegmentEvent> = {}): SegmentEvent => ({
  kind: "segment",
  step,
  epoch: 0,
  route,
  batches: 4,
  inputs: 400,
  loss: 0.5,
  learningRate: 0.1,
  seconds: 2,
  embeddingBytes: 0,
  stages: { forward: 0.5, backward: 1 },
  toDevice: { inputs: 4000, ...(route === "hybrid" && { rows: 8000 }) },
  toHost: route === "hybrid" ? { rows: 8000 } : {},
  schedulerRate: 50,
  rssBytes: 2 ** 28,
  deviceBytes: 2 ** 20,
  ...given,
});

export const aTest = (step: number, auc: number | null = 0.7, logLoss = 0.5): TestEvent => ({
  kind: "test",
  step,
  askedBy: "scheduler",
  seconds: 1,
  metrics: { inputs: 10, accuracy: 0.8, auc, logLoss, normalizedEntropy: 0.9, calibration: 1 },
});
