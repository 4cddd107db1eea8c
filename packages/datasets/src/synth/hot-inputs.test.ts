import { describe, expect, it } from "vitest";
import { createClickModel } from "./click-model.js";
import { createClicks, drawClicks } from "./draw-clicks.js";
import { clickSources } from "./sources/index.js";
import type { ClickLogName } from "./sources/types.js";

/**
 * Share of inputs that touch hot rows only when the hot rows are the `hotRows` most popular of all tables together, by their true
 * shares: each table's law is cut where its share falls below one common share.
 */
function hotInputs(source: ClickLogName, calibration: "counts" | "paper", hotRows: number, inputs: number): number {
  const model = createClickModel(clickSources[source], { seed: 3, calibration, scale: 1, drift: 0, days: 7 });
  const ranksAbove = model.tables.map(({ law, rows }) => (share: number): number => {
    let [low, high] = [0, rows];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (law.shareOf(middle) >= share) low = middle + 1;
      else high = middle;
    }
    return low;
  });
  let [low, high] = [Math.log(1e-12), 0];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (ranksAbove.reduce((sum, ranks) => sum + ranks(Math.exp(middle)), 0) > hotRows) low = middle;
    else high = middle;
  }
  // Rows of equal share (stairs of whole counts) are hot in part: the rest of the budget goes to them in the order of tables.
  let left = hotRows;
  const cuts = ranksAbove.map((ranks) => ranks(Math.exp(high)));
  left -= cuts.reduce((a, b) => a + b, 0);
  const more = ranksAbove.map((ranks, t) => ranks(Math.exp(low)) - cuts[t]);
  const ties = more.reduce((a, b) => a + b, 0);
  const share = ties > 0 ? left / ties : 0;
  const hot = model.tables.map((table, t) => {
    const cut = cuts[t] + Math.floor(more[t] * share);
    return { cut, table };
  });
  const clicks = createClicks(model, 1000);
  const { ranks, step } = clicks;
  let found = 0;
  for (let from = 0; from < inputs; from += 1000) {
    drawClicks(model, { bias: 0, gain: 0 }, clicks, { from, count: 1000, day: 0, hourOf: () => 0 });
    for (let i = 0; i < 1000; i++) if (hot.every(({ cut }, t) => ranks[t * step + i] < cut)) found++;
  }
  return found / inputs;
}

describe("inputs whose rows are all hot", () => {
  it("are 82 % with 2,097,152 of 266 million rows in the paper's Terabyte", () => {
    expect(Math.abs(hotInputs("criteo-terabyte", "paper", 2_097_152, 200_000) - 0.82)).toBeLessThan(0.01);
  });

  it("are 76 % with 6.8 % of the rows in the paper's Kaggle", () => {
    expect(Math.abs(hotInputs("criteo-kaggle", "paper", Math.round(0.068 * 33_762_577), 200_000) - 0.76)).toBeLessThan(
      0.01,
    );
  });

  it("are what the counts give for the real logs", () => {
    expect(Math.abs(hotInputs("criteo-kaggle", "counts", 2_295_855, 50_000) - 0.695)).toBeLessThan(0.015);
    expect(Math.abs(hotInputs("criteo-kaggle", "counts", 4_194_304, 50_000) - 0.744)).toBeLessThan(0.015);
    expect(Math.abs(hotInputs("criteo-terabyte", "counts", 2_097_152, 50_000) - 0.817)).toBeLessThan(0.015);
    expect(Math.abs(hotInputs("avazu", "counts", 642_545, 50_000) - 0.616)).toBeLessThan(0.02);
  });
});
