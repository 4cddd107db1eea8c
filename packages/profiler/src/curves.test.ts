import { Random } from "@fae/core";
import { describe, expect, it } from "vitest";
import { countOfCounts } from "./count-of-counts.js";
import { accessCurve, logGrid } from "./curves.js";

describe("accessCurve", () => {
  it("is the exact share of the most accessed rows", () => {
    const counts = Uint32Array.of(5, 0, 1, 5, 9, 1, 1);
    const curve = accessCurve(countOfCounts(counts), false);
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((rows) => Math.round(22 * curve.share(rows)))).toEqual([
      0, 9, 14, 19, 20, 21, 22, 22,
    ]);
    expect([1, 2, 5, 6, 10].map((threshold) => Math.round(22 * curve.shareAt(threshold)))).toEqual([22, 19, 19, 9, 0]);
    expect(curve.seenRows).toBe(6);
    expect(accessCurve(countOfCounts(new Uint32Array(3)), false).share(2)).toBe(0);
  });

  it("of a sample tells the share of accesses outside the sample, not inside", () => {
    // 20,000 rows, popularity 1 / rank; a sample of 30,000 accesses leaves most rows unseen or seen once.
    const rows = 20_000;
    const cumulative = new Float64Array(rows);
    for (let rank = 0, sum = 0; rank < rows; rank++) {
      sum += 1 / (rank + 1);
      cumulative[rank] = sum;
    }
    const random = new Random(4);
    const counts = new Uint32Array(rows);
    for (let draw = 0; draw < 30_000; draw++) {
      const at = random.next() * cumulative[rows - 1];
      let [low, high] = [0, rows - 1];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (cumulative[middle] < at) low = middle + 1;
        else high = middle;
      }
      counts[low]++;
    }
    const popularity = (id: number) => 1 / (id + 1) / cumulative[rows - 1];
    for (const threshold of [1, 2, 5]) {
      const hot = [...counts.keys()].filter((id) => counts[id] >= threshold);
      const truth = hot.reduce((sum, id) => sum + popularity(id), 0);
      const outside = accessCurve(countOfCounts(counts), true);
      const inside = accessCurve(countOfCounts(counts), false);
      expect(Math.abs(outside.shareAt(threshold) - truth)).toBeLessThan(0.012);
      expect(Math.abs(outside.share(hot.length) - truth)).toBeLessThan(0.012);
      expect(inside.shareAt(threshold) - truth).toBeGreaterThan(0.02);
    }
  });

  it("rises", () => {
    const random = new Random(1);
    const counts = Uint32Array.from({ length: 3000 }, () => Math.floor(1 / random.next()));
    for (const isSample of [false, true]) {
      const curve = accessCurve(countOfCounts(counts), isSample);
      const shares = logGrid(3000).map(curve.share);
      expect(shares.every((share, i) => share <= 1 && (i === 0 || share >= shares[i - 1]))).toBe(true);
    }
  });
});

describe("logGrid", () => {
  it("ends with the last point and has no repeats", () => {
    expect(logGrid(0)).toEqual([]);
    expect(logGrid(1)).toEqual([1]);
    expect(logGrid(12)).toEqual([1, 2, 3, 4, 6, 8, 10, 12]);
    expect(logGrid(1460).at(-1)).toBe(1460);
  });
});
