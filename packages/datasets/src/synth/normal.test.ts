import { Random, streams } from "@fae/core";
import { describe, expect, it } from "vitest";
import { cdfAt, cdfGivenAbove, createNormal, inverseOf, normalAt } from "./normal.js";

const normal = createNormal();

describe("normal tables", () => {
  it("hold the published values of Phi", () => {
    for (const [x, p] of [
      [0, 0.5],
      [1, 0.841344746],
      [-2, 0.022750132],
      [3, 0.998650102],
    ]) {
      expect(cdfAt(normal.cdf, x)).toBeCloseTo(p, 8);
      expect(inverseOf(normal.cdf, p)).toBeCloseTo(x, 6);
    }
  });

  it("invert each other within 3e-4", () => {
    for (let i = 1; i < 2000; i++) {
      const u = (i + 0.37) / 2001;
      expect(Math.abs(normalAt(normal, u) - inverseOf(normal.cdf, u))).toBeLessThan(3e-4);
    }
  });

  it("make draws uniform given that a correlated draw is above a limit", () => {
    const [r, limit] = [0.3025, inverseOf(normal.cdf, 0.44)];
    const table = cdfGivenAbove(normal, limit, r);
    const random = new Random(1, streams.synth);
    const deciles = new Float64Array(10);
    let kept = 0;
    for (let i = 0; i < 200_000; i++) {
      const g = normalAt(normal, random.next());
      const w = r * g + Math.sqrt(1 - r * r) * normalAt(normal, random.next());
      if (g <= limit) continue;
      kept++;
      deciles[Math.min(9, Math.floor(10 * cdfAt(table, w)))]++;
    }
    expect(Math.abs(kept / 200_000 - 0.56)).toBeLessThan(0.005);
    for (const count of deciles) expect(Math.abs(count / kept - 0.1)).toBeLessThan(0.004); // 4.5 standard errors
  });
});
