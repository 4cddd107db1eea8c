import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { atLeast, countOfCounts, mergeCountOfCounts } from "./count-of-counts.js";
import { chooseHotSet, hotRowBits, hotSetAt } from "./hot-set.js";

/** Row ids of a table, most accessed first, equal ones by id. */
const byPopularity = (counts: Uint32Array): number[] =>
  Array.from(counts.keys()).sort((a, b) => counts[b] - counts[a] || a - b);

const choose = (counts: Uint32Array[], options: { rowBytes: number; budgetBytes: number; smallTableBytes?: number }) =>
  chooseHotSet(counts, counts.map(countOfCounts), options);

const problem = fc.record({
  counts: fc.array(
    fc
      .array(fc.oneof(fc.nat(4), fc.nat(100_000)), { minLength: 1, maxLength: 60 })
      .map((counts) => Uint32Array.from(counts)),
    { minLength: 1, maxLength: 4 },
  ),
  width: fc.integer({ min: 1, max: 16 }),
  state: fc.integer({ min: 0, max: 32 }),
  budgetRows: fc.integer({ min: 1, max: 150 }),
  smallRows: fc.constantFrom(0, 5, 20),
});

describe("chooseHotSet", () => {
  it("takes the most accessed rows that the budget holds, never more, never an unseen one", () => {
    fc.assert(
      fc.property(problem, ({ counts, width, state, budgetRows, smallRows }) => {
        const rowBytes = 4 * (width + state);
        const small = counts.map((table) => table.length < smallRows);
        const smallTotal = counts.reduce((sum, table, t) => sum + (small[t] ? table.length : 0), 0);
        fc.pre(smallTotal <= budgetRows);
        const budgetBytes = budgetRows * rowBytes + (rowBytes - 1);
        const set = choose(counts, { rowBytes, budgetBytes, smallTableBytes: smallRows * rowBytes });
        expect(set.bytes).toBeLessThanOrEqual(budgetBytes);
        expect(set.bytes).toBe(set.hotRows.reduce((sum, rows) => sum + rows, 0) * rowBytes);
        const seen = counts.flatMap((table, t) =>
          small[t] ? [] : Array.from(table, (count, id) => ({ count, t, id })).filter(({ count }) => count > 0),
        );
        seen.sort((a, b) => b.count - a.count || a.t - b.t || a.id - b.id);
        const expected = seen.slice(0, budgetRows - smallTotal);
        counts.forEach((table, t) => {
          const ids = small[t] ? table.map((_, id) => id) : expected.filter((row) => row.t === t).map((row) => row.id);
          expect(set.whole[t]).toBe(small[t]);
          expect(set.hotRows[t]).toBe(ids.length);
          expect(new Set(byPopularity(table).slice(0, set.hotRows[t]))).toEqual(new Set(ids));
          const bits = hotRowBits(table, set, t);
          expect(Array.from(table.keys()).filter((id) => (bits[id >>> 5] >>> (id & 31)) & 1)).toEqual(
            [...ids].sort((a, b) => a - b),
          );
        });
      }),
      { numRuns: 300 },
    );
  });

  it("refuses a budget of 0, of less than a row, of less than the small tables", () => {
    const counts = [Uint32Array.of(1, 2, 3), Uint32Array.of(1, 2)];
    for (const budgetBytes of [0, -5, 63, Number.NaN])
      expect(() => choose(counts, { rowBytes: 64, budgetBytes })).toThrow(/does not hold one row of 64 bytes/);
    expect(() => choose(counts, { rowBytes: 64, budgetBytes: 256 })).toThrow(
      /2 tables under 1048576 bytes need 320\. Raise the budget to at least 320 bytes/,
    );
    expect(choose(counts, { rowBytes: 64, budgetBytes: 256, smallTableBytes: 0 }).hotRows).toEqual([3, 1]);
    expect(() => choose(counts, { rowBytes: 0, budgetBytes: 256 })).toThrow(/rowBytes is 0, expected/);
  });

  it("may find nothing hot in a table, or in any", () => {
    const counts = [Uint32Array.of(9, 9), new Uint32Array(5)];
    expect(choose(counts, { rowBytes: 4, budgetBytes: 1000, smallTableBytes: 0 })).toMatchObject({
      hotRows: [2, 0],
      bytes: 8,
    });
    const none = choose([new Uint32Array(5)], { rowBytes: 4, budgetBytes: 1000, smallTableBytes: 0 });
    expect(none).toMatchObject({ hotRows: [0], bytes: 0 });
    expect([...hotRowBits(new Uint32Array(5), none, 0)]).toEqual([0]);
  });

  it("keeps counts beyond 16 and 31 bits apart", () => {
    const counts = [Uint32Array.of(70_000, 3_000_000_000, 70_001, 65_536, 65_535)];
    const order = [1, 2, 0, 3, 4];
    for (let rows = 1; rows <= 5; rows++) {
      const set = choose(counts, { rowBytes: 4, budgetBytes: 4 * rows, smallTableBytes: 0 });
      expect(set.hotRows).toEqual([rows]);
      expect(set.threshold).toBe(counts[0][order[rows - 1]]);
    }
  });
});

describe("hotSetAt", () => {
  it("takes every row at or above the threshold, or nothing when that is too much", () => {
    const counts = [Uint32Array.of(5, 3, 0, 3), Uint32Array.of(1, 4)];
    const at = (threshold: number, rows: number) =>
      hotSetAt(counts, counts.map(countOfCounts), threshold, {
        rowBytes: 4,
        budgetBytes: 4 * rows,
        smallTableBytes: 0,
      });
    expect(at(3, 4)?.hotRows).toEqual([3, 1]);
    expect(at(2, 4)?.hotRows).toEqual([3, 1]);
    expect(at(3, 3)).toBeNull();
    expect(at(1, 9)?.hotRows).toEqual([3, 2]);
  });
});

describe("count of counts", () => {
  it("knows rows and accesses at every threshold, merged or not", () => {
    fc.assert(
      fc.property(problem, fc.nat(100_000), ({ counts }, threshold) => {
        const merged = mergeCountOfCounts(counts.map(countOfCounts));
        const all = counts.flatMap((table) => [...table]);
        const hot = all.filter((count) => count >= Math.max(1, threshold));
        expect(atLeast(merged, Math.max(1, threshold))).toEqual({
          rows: hot.length,
          accesses: hot.reduce((sum, count) => sum + count, 0),
        });
        expect(merged.unseenRows).toBe(all.filter((count) => count === 0).length);
        expect(merged.accesses).toBe(all.reduce((sum, count) => sum + count, 0));
      }),
    );
  });
});
