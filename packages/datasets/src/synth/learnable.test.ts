import { describe, expect, it } from "vitest";
import { createClickModel } from "./click-model.js";
import { clickUnits } from "./click-units.js";
import { createClicks, drawClicks } from "./draw-clicks.js";
import type { Unit } from "./outputs.js";
import { clickSources } from "./sources/index.js";
import { surveyUnits } from "./taobao-candidates.js";
import { createHistory, createTaobaoModel, drawHistory } from "./taobao-history.js";
import { seriesSteps, seriesUnits, usersForSeries } from "./taobao-series.js";
import { tuneTeacher } from "./teacher.js";
import { purposes } from "./words.js";

const unitOf = (from: number, to: number, split = 0): Unit => ({ order: 0, from, to, day: 0, file: 0, split });

/** Area under the ROC curve by ranks. */
function aucOf(scores: readonly number[], labels: readonly number[]): number {
  const order = scores.map((_, i) => i).sort((a, b) => scores[a] - scores[b]);
  let [negatives, pairs, positives] = [0, 0, 0];
  for (const i of order) {
    if (labels[i] === 1) {
      pairs += negatives;
      positives++;
    } else negatives++;
  }
  return pairs / (positives * negatives);
}

describe("labels of click logs", () => {
  it("can be learnt: a linear model trained on 60,000 inputs comes within 0.06 of the teacher's AUC", () => {
    const model = createClickModel(clickSources["criteo-kaggle"], {
      seed: 1,
      calibration: "counts",
      scale: 0.01,
      drift: 0,
      days: 7,
    });
    const clicks = createClicks(model, 10_000);
    const range = { from: 0, count: clicks.capacity, day: 0, hourOf: () => 0, purpose: purposes.tuning };
    drawClicks(model, { bias: 0, gain: 1 }, clicks, range);
    const { scores } = clicks;
    const inputs = 80_000;
    const { bytes } = clickUnits(model, tuneTeacher(scores, 0.2564, 0.8), "prepared", inputs)(unitOf(0, inputs));
    const words = new Int32Array(bytes.buffer);
    const rows = model.tables.map((table) => new Float64Array(table.rows));
    const dense = new Float64Array(13);
    let bias = -1;
    const rate = 0.03;
    const found: number[] = [];
    const labels: number[] = [];
    for (let i = 0; i < inputs; i++) {
      const at = 40 * i;
      let logit = bias;
      for (let f = 0; f < 13; f++) logit += dense[f] * Math.log(1 + words[at + 1 + f]);
      for (let t = 0; t < 26; t++) logit += rows[t][words[at + 14 + t]];
      if (i >= 60_000) {
        found.push(logit);
        labels.push(words[at]);
        continue;
      }
      const step = rate * (words[at] - 1 / (1 + Math.exp(-logit)));
      bias += step;
      for (let f = 0; f < 13; f++) dense[f] += 0.1 * step * Math.log(1 + words[at + 1 + f]);
      for (let t = 0; t < 26; t++) rows[t][words[at + 14 + t]] += step;
    }
    expect(aucOf(found, labels)).toBeGreaterThan(0.74);
  });
});

describe("Taobao series", () => {
  const model = createTaobaoModel(2, 0.02);
  const users = usersForSeries(model, 4000, 200, 200) ?? { train: 0, test: 0 };
  const pool = surveyUnits(model)(unitOf(0, users.train + users.test)).bytes;
  const make = seriesUnits(
    model,
    users,
    [
      { name: "train", from: 0, to: 4000 },
      { name: "test", from: 4000, to: 4200 },
      { name: "val", from: 4200, to: 4400 },
    ],
    pool,
  );
  const stride = 1 + 4 * seriesSteps;
  const { bytes, positives } = make(unitOf(0, 4000));
  const words = new Int32Array(bytes.buffer);
  const floats = new Float32Array(bytes.buffer);
  const at = (series: number, step: number, what: number) => words[series * stride + 1 + 4 * step + what];

  it("hold one user, 20 steps of its history and a candidate, half of them true", () => {
    expect(Math.abs(positives / 4000 - 0.5)).toBeLessThan(0.03);
    const slots = new Map<number, number>();
    for (let slot = 0; slot < model.law.items; slot++) slots.set(model.law.itemId(slot), slot);
    const history = createHistory();
    const userOf = new Map<number, number>();
    for (let series = 0; series < 300; series++) {
      for (let step = 0; step < seriesSteps; step++) {
        expect(floats[series * stride + 1 + 4 * step]).toBe(Math.fround(step / seriesSteps));
        expect(at(series, step, 1)).toBe(at(series, 0, 1));
      }
      userOf.set(at(series, 0, 1), series);
    }
    // The users' whole histories, found by their rows.
    let [checked, metLater] = [0, 0];
    for (let user = 0; user < users.train; user++) {
      drawHistory(model, history, user, model.lengthOf(user));
      const own = new Set(history.slots.subarray(0, history.length));
      const series = userOf.get(model.userId(user));
      if (series === undefined) continue;
      checked++;
      for (let step = 1; step < seriesSteps - 1; step++) {
        const slot = slots.get(at(series, step, 2)) ?? -1;
        const isPad = at(series, step, 2) === 0 && at(series, step, 3) === 0;
        expect(isPad || own.has(slot)).toBe(true);
        if (!isPad) expect(at(series, step, 3)).toBe(model.law.categoryId(model.law.categoryOf(slot)));
      }
      const candidate = slots.get(at(series, seriesSteps - 1, 2)) ?? -1;
      if (words[series * stride] === 1) expect(own.has(candidate)).toBe(true);
      else if (own.has(candidate)) metLater++;
      expect((pool[candidate >>> 3] >>> (candidate & 7)) & 1).toBe(1);
    }
    expect(checked).toBeGreaterThan(100);
    expect(metLater).toBeLessThan(3);
  });

  it("can be told apart by whether the candidate's category is one of the user's", () => {
    const scores: number[] = [];
    const labels: number[] = [];
    for (let series = 0; series < 4000; series++) {
      let same = 0;
      for (let step = 0; step < 20; step++) if (at(series, step, 3) === at(series, 20, 3)) same++;
      scores.push(same + series * 1e-9);
      labels.push(words[series * stride]);
    }
    expect(aucOf(scores, labels)).toBeGreaterThan(0.72);
  });
});
