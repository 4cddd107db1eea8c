import fc from "fast-check";
import { expect, test } from "vitest";
import { computeMetrics, exactAuc } from "./metrics.js";

const pairwiseAuc = (scores: readonly number[], labels: readonly number[]): number | null => {
  let pairs = 0;
  let won = 0;
  for (let i = 0; i < scores.length; i++) {
    for (let j = 0; j < scores.length; j++) {
      if (labels[i] !== 1 || labels[j] !== 0) continue;
      pairs++;
      won += scores[i] > scores[j] ? 1 : scores[i] === scores[j] ? 0.5 : 0;
    }
  }
  return pairs === 0 ? null : won / pairs;
};

test("AUC equals the share of won pairs, ties counting half", () => {
  const input = fc.record({ score: fc.integer({ min: 0, max: 8 }), label: fc.integer({ min: 0, max: 1 }) });
  fc.assert(
    fc.property(fc.array(input, { maxLength: 40 }), (inputs) => {
      const scores = inputs.map(({ score }) => score / 8);
      const labels = inputs.map(({ label }) => label);
      expect(exactAuc(Float32Array.from(scores), Uint8Array.from(labels))).toBe(pairwiseAuc(scores, labels));
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("metrics of a small split are those computed by hand", () => {
  const metrics = computeMetrics(Float32Array.of(0.75, 0.25, 0.5, 0.125), Uint8Array.of(1, 0, 0, 1), 0.9);
  expect(metrics).toEqual({
    inputs: 4,
    accuracy: 0.5,
    auc: 0.5,
    logLoss: 0.9,
    normalisedEntropy: 0.9 / Math.LN2,
    calibration: 1.625 / 2,
    labelRate: 0.5,
  });
});

test("one class leaves AUC and entropy undefined instead of inventing them", () => {
  const metrics = computeMetrics(Float32Array.of(0.1, 0.2), Uint8Array.of(0, 0), 0.15);
  expect(metrics).toMatchObject({ accuracy: 1, auc: null, normalisedEntropy: null, calibration: null });
});
