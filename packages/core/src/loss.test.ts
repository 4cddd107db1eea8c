import { describe, expect, it } from "vitest";
import { crossEntropy, lossGradient, meanLoss, score } from "./loss.js";

describe("loss", () => {
  it("is the mean binary cross entropy of the sigmoid", () => {
    const logits = Float64Array.of(0.3, -1.2, 2);
    const labels = Uint8Array.of(1, 0, 0);
    const terms = [Math.log(score(0.3)), Math.log(1 - score(-1.2)), Math.log(1 - score(2))];
    expect(meanLoss(logits, labels, 3)).toBeCloseTo(-(terms[0] + terms[1] + terms[2]) / 3, 14);
  });

  it("clamps each log term at -100", () => {
    expect(crossEntropy(-1000, 1)).toBe(100);
    expect(crossEntropy(1000, 0)).toBe(100);
    expect(crossEntropy(1000, 1)).toBeCloseTo(0, 15);
  });

  it("has (p - y) / B as its gradient, the central difference of the mean", () => {
    const logits = Float64Array.of(0.3, -1.2, 2, -0.1);
    const labels = Uint8Array.of(1, 0, 0, 1);
    const gradient = new Float64Array(4);
    lossGradient(gradient, logits, labels, 4);
    for (let i = 0; i < 4; i++) {
      const moved = (by: number) =>
        meanLoss(
          logits.map((z, j) => (i === j ? z + by : z)),
          labels,
          4,
        );
      expect(gradient[i]).toBeCloseTo((moved(1e-5) - moved(-1e-5)) / 2e-5, 9);
    }
  });

  it("stays not finite when the logit is", () => {
    expect(crossEntropy(Number.NaN, 1)).toBeNaN();
  });
});
