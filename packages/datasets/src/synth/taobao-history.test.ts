import { describe, expect, it } from "vitest";
import { createHistory, createTaobaoModel, drawHistory } from "./taobao-history.js";
import { createItemLaw } from "./taobao-items.js";
import { nextInTextOrder, nthInTextOrder, usersFor } from "./taobao-raw.js";
import { seriesOf, usersForSeries } from "./taobao-series.js";

const model = createTaobaoModel(5, 1);

describe("taobao users", () => {
  it("browse as measured: lengths, repeats, stays, categories", () => {
    const history = createHistory();
    const users = 2000;
    let [actions, repeats, stays, pairs, categories, long, veryLong] = [0, 0, 0, 0, 0, 0, 0];
    for (let user = 0; user < users; user++) {
      const length = model.lengthOf(user);
      drawHistory(model, history, user, length);
      const seen = new Set<number>();
      for (let i = 0; i < length; i++) {
        if (seen.has(history.slots[i])) repeats++;
        seen.add(history.slots[i]);
        if (i > 0) pairs++;
        if (i > 0 && history.categories[i] === history.categories[i - 1]) stays++;
      }
      actions += length;
      categories += new Set(history.categories.subarray(0, length)).size;
      if (length >= 21) long++;
      if (length > 200) veryLong++;
    }
    expect(Math.abs(actions / users - 100.3)).toBeLessThan(7);
    expect(Math.abs(repeats / actions - 0.208)).toBeLessThan(0.015);
    expect(Math.abs(stays / pairs - 0.41)).toBeLessThan(0.015);
    expect(Math.abs(categories / users - 24.3)).toBeLessThan(1.5);
    expect(Math.abs(long / users - 0.88)).toBeLessThan(0.04);
    expect(Math.abs(veryLong / users - 0.12)).toBeLessThan(0.03);
  });

  it("meet items as often as their law says, and an item fixes its category", () => {
    const items = 200_000;
    const law = createItemLaw(items, 2000, 1);
    const shares = new Float64Array(items);
    for (let c = 0; c < law.categories; c++) {
      for (let slot = law.starts[c]; slot < law.starts[c + 1]; slot++) {
        shares[slot] = law.categoryShare(c) * law.shareInCategory(slot);
      }
      expect(law.categoryOf(law.starts[c])).toBe(c);
      expect(law.categoryOf(law.slotAt(c, 0.9))).toBe(c);
    }
    shares.sort().reverse();
    const law85 = (rank: number) => (rank + 200) ** 0.15 - 200 ** 0.15;
    let sum = 0;
    for (let rank = 1; rank <= items; rank++) {
      sum += shares[rank - 1];
      if (rank % 10_000 === 0) expect(Math.abs(sum - law85(rank) / law85(items)), String(rank)).toBeLessThan(0.02);
    }
    expect(sum).toBeCloseTo(1, 9);
  });

  it("meet categories of the measured popularity", () => {
    const top = (n: number) => Array.from({ length: n }, (_, c) => model.law.categoryShare(c)).reduce((a, b) => a + b);
    for (const [n, share] of [
      [1, 0.05],
      [10, 0.28],
      [100, 0.63],
      [1000, 0.91],
    ]) {
      expect(Math.abs(top(n) - share), String(n)).toBeLessThan(0.01);
    }
  });

  it("give TBSM's numbers of series", () => {
    expect([1, 10, 11, 20, 21, 30, 31, 40, 41, 200, 900].map(seriesOf)).toEqual([0, 0, 1, 1, 3, 3, 6, 6, 10, 10, 10]);
    const users = usersForSeries(model, 10_000, 500, 300);
    expect(users?.test).toBe(300);
    expect(Math.abs((users?.train ?? 0) - 10_000 / 17)).toBeLessThan(60);
    expect(usersForSeries(model, 20_000_000, 500, 300)).toBeNull();
  });

  it("are as few as the wanted lines need, the last one cut short", () => {
    const found = usersFor(model, 5000);
    let lines = 0;
    for (let user = 0; user < (found?.users ?? 0) - 1; user++) lines += model.lengthOf(user);
    expect(lines + (found?.lastLength ?? 0)).toBe(5000);
    expect(usersFor(createTaobaoModel(5, 0.0001), 10_000_000)).toBeNull();
  });
});

describe("text order", () => {
  it("is the order of sorted texts, from any position", () => {
    for (const n of [1, 9, 10, 11, 99, 100, 137, 1000, 1234]) {
      const sorted = Array.from({ length: n }, (_, i) => String(i + 1)).sort();
      expect(sorted.map((_, k) => String(nthInTextOrder(k, n)))).toEqual(sorted);
      let current = 1;
      for (let k = 1; k < n; k++) {
        current = nextInTextOrder(current, n);
        expect(String(current)).toBe(sorted[k]);
      }
    }
  });
});
