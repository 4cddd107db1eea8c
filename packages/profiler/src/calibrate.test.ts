import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { skewedData } from "../test/skewed-data.js";
import { calibrate } from "./calibrate.js";
import { countAccesses } from "./count-accesses.js";
import { atLeast, countOfCounts } from "./count-of-counts.js";

const rowBytes = 64;

async function sampled(options: { inputs: number; isClustered?: boolean; ratePercent: number; seed?: number }) {
  const data = skewedData({ ...options, tables: [{ rows: 100 }, { rows: 90_000 }, { rows: 200_000 }], skew: 4 });
  const { counts, inputs } = await countAccesses(data.source, {
    tables: data.tables,
    sample: { ratePercent: options.ratePercent, seed: options.seed ?? 3 },
  });
  return { counts, inputs, histograms: counts.map(countOfCounts) };
}

describe("calibrate", () => {
  it("uses the budget to a good part and never exceeds it in true bytes", async () => {
    const { counts, histograms, inputs } = await sampled({ inputs: 200_000, ratePercent: 50 });
    for (const budgetBytes of [2 ** 14, 2 ** 16, 2 ** 18, 2 ** 20, 2 ** 22, 2 ** 24]) {
      const { hotSet, boundRows, taggedRows, wasCut } = calibrate(counts, histograms, inputs, {
        rowBytes,
        budgetBytes,
      });
      expect(hotSet.bytes).toBeLessThanOrEqual(budgetBytes);
      expect(boundRows * rowBytes).toBeLessThanOrEqual(budgetBytes);
      expect(wasCut).toBe(false);
      expect(hotSet.rows).toBe(taggedRows);
      expect(hotSet.hotRows[0]).toBe(100);
    }
  });

  it("searches downwards from 1e-2 and ends beside a threshold that does not fit", async () => {
    const { counts, histograms, inputs } = await sampled({ inputs: 100_000, ratePercent: 100 });
    const { steps, hotSet } = calibrate(counts, histograms, inputs, { rowBytes, budgetBytes: 2 ** 19 });
    expect(steps[0].fraction).toBe(1e-2);
    expect(steps[0].threshold).toBe(1000);
    const refused = steps.filter((step) => !step.fits).map((step) => step.threshold);
    expect(refused).toContain(hotSet.threshold - 1);
    expect(steps.some((step) => step.fits && step.threshold === hotSet.threshold)).toBe(true);
  });

  it("goes above 1e-2 when that is too much for the budget", async () => {
    const { counts, histograms, inputs } = await sampled({ inputs: 20_000, ratePercent: 100 });
    const tiny = calibrate(counts, histograms, inputs, { rowBytes, budgetBytes: 110 * rowBytes });
    expect(tiny.hotSet.rows).toBeLessThanOrEqual(110);
    expect(tiny.hotSet.threshold).toBeGreaterThan(200);
  });

  it("stops at one access in the sample: rows never seen are never hot", async () => {
    const { counts, histograms, inputs } = await sampled({ inputs: 30_000, ratePercent: 5 });
    const { hotSet, steps } = calibrate(counts, histograms, inputs, { rowBytes, budgetBytes: 2 ** 30 });
    expect(hotSet.threshold).toBe(1);
    expect(hotSet.hotRows.slice(1)).toEqual(histograms.slice(1).map((h) => atLeast(h, 1).rows));
    expect(Math.min(...steps.map((step) => step.threshold))).toBe(1);
    expect(new Set(steps.map((step) => step.threshold)).size).toBe(steps.length);
  });

  it("estimates what the classifier then tags, clustered ids or not", async () => {
    for (const isClustered of [true, false])
      for (const seed of [1, 2, 3]) {
        const { counts, histograms, inputs } = await sampled({ inputs: 200_000, ratePercent: 20, isClustered, seed });
        const found = calibrate(counts, histograms, inputs, { rowBytes, budgetBytes: 2 ** 20, seed });
        expect(found.taggedRows).toBeLessThanOrEqual(found.boundRows);
        expect(Math.abs(found.estimatedRows - found.taggedRows) / found.taggedRows).toBeLessThan(0.1);
        expect(found.wasCut).toBe(false);
      }
  });

  it("cuts in popularity order when the tagged rows are more than estimated", () => {
    fc.assert(
      fc.property(fc.nat(1000), (seed) => {
        // One chunk of two rows: a bound that is often wrong.
        const counts = [Uint32Array.from({ length: 500 }, (_, id) => (id * 131 + seed) % 7)];
        const { hotSet, wasCut, taggedRows } = calibrate(counts, counts.map(countOfCounts), 1000, {
          rowBytes: 4,
          budgetBytes: 400,
          smallTableBytes: 0,
          chunks: 2,
          chunkRows: 2,
          confidence: 0.51,
          seed,
        });
        expect(hotSet.bytes).toBeLessThanOrEqual(400);
        expect(hotSet.rows).toBe(wasCut ? 100 : taggedRows);
      }),
    );
  });
});
