import { type Evaluation, zeroBytes } from "@fae/core";
import { expect, test } from "vitest";
import { evaluationMetrics } from "./metrics.js";

const evaluation = (scores: number[], labels: number[], loss: number): Evaluation => ({
  inputs: scores.length,
  loss,
  scores: Float32Array.from(scores),
  labels: Uint8Array.from(labels),
  seconds: 0,
  bytes: zeroBytes(),
});

test("takes the engine's loss and keeps the entropy ratio to it", () => {
  const found = evaluationMetrics(evaluation([0.75, 0.25, 0.375, 0.125], [1, 0, 0, 1], 0.9));
  expect(found).toMatchObject({ inputs: 4, accuracy: 0.75, auc: 0.5, logLoss: 0.9, calibration: 0.75 });
  expect(found.normalizedEntropy).toBeCloseTo(0.9 / Math.LN2, 12);
});

test("one class leaves AUC, entropy and calibration null instead of inventing them", () => {
  const found = evaluationMetrics(evaluation([0.1, 0.2], [0, 0], 0.15));
  expect(found).toMatchObject({ accuracy: 1, auc: null, normalizedEntropy: null, calibration: null, logLoss: 0.15 });
});
