import { Random } from "@fae/core";
import { describe, expect, it } from "vitest";
import { drawChunks, estimateRows } from "./estimate.js";
import { studentQuantile } from "./student-t.js";

/** `hot` rows of count 10 among rows of count 0, standing together or strewn. */
function table(rows: number, hot: number, isClustered: boolean): Uint32Array {
  const counts = new Uint32Array(rows);
  if (isClustered) counts.fill(10, 0, hot);
  else {
    const random = new Random(rows + hot);
    for (let left = hot; left > 0; ) {
      const id = random.below(rows);
      if (counts[id] === 0) {
        counts[id] = 10;
        left--;
      }
    }
  }
  return counts;
}

describe("studentQuantile", () => {
  it("agrees with published tables", () => {
    const known: [number, number, number][] = [
      [0.999, 34, 3.348],
      [0.9995, 34, 3.601],
      [0.975, 1, 12.706],
      [0.999, 1, 318.309],
      [0.95, 10, 1.812],
      [0.999, 10, 4.144],
      [0.975, 30, 2.042],
      [0.999, 1e6, 3.09],
    ];
    for (const [p, df, expected] of known) expect(studentQuantile(p, df)).toBeCloseTo(expected, 2);
  });
});

describe("estimateRows", () => {
  const hits = (rows: number, hot: number, isClustered: boolean, seeds: number) => {
    const counts = table(rows, hot, isClustered);
    let bounded = 0;
    let mean = 0;
    let bound = 0;
    for (let seed = 0; seed < seeds; seed++) {
      const estimate = estimateRows(drawChunks(counts, 0, { seed }), 1);
      if (estimate.bound >= hot) bounded++;
      mean += estimate.mean / seeds;
      bound += estimate.bound / seeds;
    }
    return { bounded, mean, bound };
  };

  it.each([
    [400_000, 30_000, true],
    [400_000, 30_000, false],
    [400_000, 2_000, true],
    [400_000, 300_000, true],
  ])("of %i rows, %i hot, clustered %s: unbiased, bounded, and close", (rows, hot, isClustered) => {
    const { bounded, mean, bound } = hits(rows, hot, isClustered, 100);
    expect(bounded).toBeGreaterThanOrEqual(99);
    expect(Math.abs(mean - hot) / hot).toBeLessThan(0.02);
    expect(bound / hot).toBeLessThan(1.5);
  });

  it("still bounds tables with a handful of hot rows, which most draws miss", () => {
    for (const hot of [1, 8, 40, 120]) expect(hits(150_000, hot, true, 80).bounded).toBeGreaterThanOrEqual(79);
  });

  it("would fail with neighbouring rows: a clustered table is missed or found whole", () => {
    const [rows, hot, chunks, chunkRows] = [2_000_000, 8_000, 35, 1024] as const;
    const counts = table(rows, hot, true);
    const random = new Random(5);
    let missed = 0;
    for (let trial = 0; trial < 100; trial++) {
      let found = 0;
      for (let i = 0; i < chunks; i++) {
        const start = random.below(rows - chunkRows);
        for (let row = start; row < start + chunkRows; row++) if (counts[row] >= 1) found++;
      }
      if (found === 0) missed++;
    }
    expect(missed).toBeGreaterThan(70);
    expect(hits(rows, hot, true, 30).bounded).toBe(30);
  });

  it("is exact for a table that the chunks would cover", () => {
    const counts = table(35 * 1024, 77, false);
    expect(estimateRows(drawChunks(counts, 0), 1)).toEqual({ mean: 77, bound: 77 });
  });

  it("never bounds above the table", () => {
    const counts = new Uint32Array(100_000).fill(3);
    expect(estimateRows(drawChunks(counts, 0), 3)).toEqual({ mean: 100_000, bound: 100_000 });
    expect(estimateRows(drawChunks(counts, 0), 4).mean).toBe(0);
  });
});
