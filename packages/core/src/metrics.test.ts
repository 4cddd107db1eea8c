import { describe, expect, it } from "vitest";
import { ShapeError } from "./errors.js";
import { auc, metrics } from "./metrics.js";
import { Random } from "./random.js";

/** All pairs, the definition. */
function pairwise(scores: Float32Array, labels: Uint8Array): number {
  let wins = 0;
  let pairs = 0;
  scores.forEach((a, i) => {
    scores.forEach((b, j) => {
      if (labels[i] !== 1 || labels[j] !== 0) return;
      pairs++;
      wins += a > b ? 1 : a === b ? 0.5 : 0;
    });
  });
  return wins / pairs;
}

describe("metrics", () => {
  it("auc counts every pair, ties one half", () => {
    for (let seed = 0; seed < 50; seed++) {
      const random = new Random(seed);
      const count = 2 + random.below(60);
      const scores = Float32Array.from({ length: count }, () => random.below(1 + random.below(20)) / 20);
      const labels = Uint8Array.from({ length: count }, (_, i) => (i < 2 ? i : random.below(2)));
      expect(auc(scores, labels)).toBeCloseTo(pairwise(scores, labels), 14);
    }
  });

  it("auc of one class, or with a score that is no number, is NaN", () => {
    expect(auc(Float32Array.of(0.1, 0.2), Uint8Array.of(1, 1))).toBeNaN();
    expect(auc(Float32Array.of(0.1, 0.2), Uint8Array.of(0, 0))).toBeNaN();
    expect(auc(Float32Array.of(Number.NaN, 0.2), Uint8Array.of(0, 1))).toBeNaN();
  });

  it("auc takes -0 and 0 for one score", () => {
    expect(auc(Float32Array.of(-0, 0), Uint8Array.of(0, 1))).toBe(0.5);
  });

  it("gives the constant predictor a normalised entropy and a calibration of 1", () => {
    const labels = Uint8Array.of(1, 0, 0, 0);
    const result = metrics(new Float32Array(4).fill(0.25), labels);
    expect(result.normalizedEntropy).toBeCloseTo(1, 14);
    expect(result).toMatchObject({ inputs: 4, accuracy: 0.75, auc: 0.5, calibration: 1 });
  });

  it("rounds one half to label 0, as round(p) does", () => {
    expect(metrics(Float32Array.of(0.5, 0.5), Uint8Array.of(0, 1)).accuracy).toBe(0.5);
  });

  it("clamps the log terms of certain and wrong scores", () => {
    expect(metrics(Float32Array.of(0, 1), Uint8Array.of(1, 0)).logLoss).toBe(100);
  });

  it("refuses scores and labels of different lengths", () => {
    expect(() => metrics(new Float32Array(2), new Uint8Array(3))).toThrow(ShapeError);
  });
});
