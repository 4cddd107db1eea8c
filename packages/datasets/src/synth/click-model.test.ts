import { describe, expect, it } from "vitest";
import { type ClickModel, createClickModel } from "./click-model.js";
import { type Clicks, createClicks, drawClicks } from "./draw-clicks.js";
import { clickSources } from "./sources/index.js";
import type { ClickLogName } from "./sources/types.js";

const shape = { seed: 7, calibration: "counts", scale: 1, drift: 0, days: 7 } as const;
const models = {
  "criteo-kaggle": createClickModel(clickSources["criteo-kaggle"], shape),
  "criteo-terabyte": createClickModel(clickSources["criteo-terabyte"], shape),
  avazu: createClickModel(clickSources.avazu, shape),
};

/** Draws inputs in batches of 1,000; `use` gets the batch, the input's place in it, and the input's index. */
function drawAll(model: ClickModel, inputs: number, use: (clicks: Clicks, i: number, index: number) => void): void {
  const clicks = createClicks(model, 1000);
  for (let from = 0; from < inputs; from += 1000) {
    drawClicks(model, { bias: 0, gain: 0 }, clicks, { from, count: 1000, day: 0, hourOf: (index) => index % 24 });
    for (let i = 0; i < 1000; i++) use(clicks, i, from + i);
  }
}

/** Row ids of some inputs, one array a table. */
function drawRows(model: ClickModel, inputs: number): Uint32Array[] {
  const rows = model.tables.map(() => new Uint32Array(inputs));
  drawAll(model, inputs, (clicks, i, index) => {
    for (let t = 0; t < rows.length; t++) rows[t][index] = clicks.rows[t * clicks.step + i];
  });
  return rows;
}

const column = (model: ClickModel, name: string): number => model.tables.findIndex((table) => table.name === name);

describe("drawn rows", () => {
  const inputs = 60_000;

  it("are the same in any batch", () => {
    const model = models["criteo-kaggle"];
    const draw = (from: number, count: number) => {
      const clicks = createClicks(model, 100);
      drawClicks(model, { bias: -1, gain: 0.5 }, clicks, { from, count, day: 0, hourOf: () => 0 });
      const { rows, dense, labels, logits, step } = clicks;
      const columns = [...rows, ...dense].filter((_, at) => at % step < count);
      return { labels: [...labels.subarray(0, count)], logits: [...logits.subarray(0, count)], columns };
    };
    const whole = draw(2 ** 32 - 50, 100);
    for (const i of [0, 49, 50, 99]) {
      const { labels, logits, columns } = draw(2 ** 32 - 50 + i, 1);
      expect([labels[0], logits[0]]).toEqual([whole.labels[i], whole.logits[i]]);
      expect(columns).toEqual(whole.columns.filter((_, at) => at % 100 === i));
    }
  });

  it("have the measured shares of the top value and of the top 100", () => {
    // p1 and F(100) of the real logs. Blank rows keep the blank share of the full log, so p1 may differ by what the sample missed.
    const expected: [ClickLogName, string, number, number][] = [
      ["criteo-kaggle", "C3", 0.048, 0.348],
      ["criteo-kaggle", "C4", 0.075, 0.447],
      ["criteo-kaggle", "C24", 0.078, 0.615],
      ["criteo-kaggle", "C26", 0.441, 0.728],
      ["criteo-kaggle", "C10", 0.276, 0.48],
      ["criteo-terabyte", "C20", 0.261, 0.692],
      ["criteo-terabyte", "C21", 0.261, 0.737],
      ["criteo-terabyte", "C23", 0.467, 0.866],
      ["criteo-terabyte", "C12", 0.267, 0.46],
      ["avazu", "device_ip", 0.0052, 0.07],
      ["avazu", "device_id", 0.825, 0.833],
      ["avazu", "site_id", 0.361, 0.91],
    ];
    const rows = Object.fromEntries(Object.entries(models).map(([name, model]) => [name, drawRows(model, inputs)]));
    for (const [source, table, first, hundred] of expected) {
      const model = models[source];
      const t = column(model, table);
      const counts = new Map<number, number>();
      for (const row of rows[source][t]) counts.set(row, (counts.get(row) ?? 0) + 1);
      const share = (ranks: number) =>
        Array.from({ length: ranks }, (_, rank) => counts.get(model.tables[t].rowOf(rank)) ?? 0).reduce(
          (a, b) => a + b,
        ) / inputs;
      expect(Math.abs(share(1) - first), `${source} ${table} p1`).toBeLessThan(0.008);
      expect(Math.abs(share(100) - hundred), `${source} ${table} F(100)`).toBeLessThan(0.015);
    }
  });

  it("determine the coarser tables of the chain", () => {
    const purity = (rows: readonly Uint32Array[], fine: number, coarse: number): number => {
      const partners = new Map<number, Map<number, number>>();
      const counts = new Map<number, number>();
      rows[fine].forEach((row, i) => {
        const partner = partners.get(row) ?? new Map<number, number>();
        partner.set(rows[coarse][i], (partner.get(rows[coarse][i]) ?? 0) + 1);
        partners.set(row, partner);
        counts.set(row, (counts.get(row) ?? 0) + 1);
      });
      const top = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
      let [pure, all] = [0, 0];
      for (const [row, partner] of partners) {
        const count = counts.get(row) ?? 0;
        if (count < 2 || row === top) continue;
        pure += Math.max(...partner.values());
        all += count;
      }
      return pure / all;
    };
    // Real: 1.00 inside the chain. Tables share one uniform but not the borders between their rows, so a few rows are torn.
    for (const [name, fine, coarse, least, most] of [
      ["criteo-kaggle", "C3", "C12", 0.88, 1],
      ["criteo-kaggle", "C3", "C24", 0.88, 1],
      ["criteo-kaggle", "C3", "C10", 0, 0.7],
      ["criteo-terabyte", "C20", "C1", 0.88, 1],
      ["criteo-terabyte", "C20", "C11", 0.88, 1],
      ["criteo-terabyte", "C20", "C12", 0, 0.7],
    ] as const) {
      const model = models[name];
      const found = purity(drawRows(model, 20_000), column(model, fine), column(model, coarse));
      expect(found, `${name} ${fine} ${coarse}`).toBeGreaterThanOrEqual(least);
      expect(found, `${name} ${fine} ${coarse}`).toBeLessThanOrEqual(most);
    }
  });

  it("are blank in the same inputs, as often as measured", () => {
    for (const name of ["criteo-kaggle", "criteo-terabyte"] as const) {
      const model = models[name];
      const blanks = new Float64Array(model.tables.length);
      const blankRow = model.tables.map(({ blankRank, rowOf }) => (blankRank < 0 ? -1 : rowOf(blankRank)));
      let wrong = 0;
      drawAll(model, inputs, ({ blank, rows, step }, i) => {
        const isBlank = (column: number) => blank[(column - 1) * step + i];
        for (const { columns } of model.source.blanks) {
          for (const c of columns) if (isBlank(c) !== isBlank(columns[0])) wrong++;
        }
        for (let t = 0; t < blanks.length; t++) {
          blanks[t] += isBlank(t + 1);
          if ((rows[t * step + i] === blankRow[t]) !== (isBlank(t + 1) === 1)) wrong++;
        }
      });
      expect(wrong).toBe(0);
      for (let t = 0; t < blanks.length; t++) {
        const share = model.source.blanks.find(({ columns }) => columns.includes(t + 1))?.share ?? 0;
        expect(Math.abs(blanks[t] / inputs - share), `${name} C${t + 1}`).toBeLessThan(0.01);
      }
    }
  });

  it("repeat themselves jointly as real ones do (hot: seen twice in the first half)", () => {
    const jointly = (
      model: ClickModel,
      rowsDrawn: number,
      names?: readonly string[],
    ): { joint: number; worst: number } => {
      const rows = drawRows(model, rowsDrawn);
      const chosen = names ? names.map((table) => column(model, table)) : rows.map((_, t) => t);
      const half = rowsDrawn / 2;
      const joint = new Uint8Array(half).fill(1);
      let worst = 1;
      for (const t of chosen) {
        const counts = new Map<number, number>();
        for (let i = 0; i < half; i++) counts.set(rows[t][i], (counts.get(rows[t][i]) ?? 0) + 1);
        let hot = 0;
        for (let i = 0; i < half; i++) {
          const isHot = (counts.get(rows[t][half + i]) ?? 0) >= 2;
          if (isHot) hot++;
          else joint[i] = 0;
        }
        worst = Math.min(worst, hot / half);
      }
      return { joint: joint.reduce((a, b) => a + b, 0) / half, worst };
    };
    const chainOf = (model: ClickModel) => model.chain.map((t) => model.tables[t].name);
    // Real: Kaggle .096 over all tables (.001 if independent), .368 over the chain; Terabyte .224 (.009) and worst table .626. Over all
    // tables the laws, whose tails are those of a whole log, repeat more than the first minutes of one.
    const kaggle = jointly(models["criteo-kaggle"], 8000);
    expect(Math.abs(kaggle.joint - 0.096)).toBeLessThan(0.11);
    const chain = jointly(models["criteo-kaggle"], 8000, chainOf(models["criteo-kaggle"]));
    expect(Math.abs(chain.joint - 0.368)).toBeLessThan(0.04);
    expect(Math.abs(chain.worst - chain.joint)).toBeLessThan(0.01);
    const terabyte = jointly(models["criteo-terabyte"], 10_000);
    expect(Math.abs(terabyte.joint - 0.224)).toBeLessThan(0.08);
    expect(Math.abs(terabyte.worst - 0.626)).toBeLessThan(0.06);
  });
});

describe("missing counts", () => {
  it("come together where they do in the log, as often as measured", () => {
    for (const name of ["criteo-kaggle", "criteo-terabyte"] as const) {
      const model = models[name];
      const columns = model.source.dense === "hour" ? [] : model.source.dense;
      const found = new Float64Array(columns.length);
      let wrong = 0;
      drawAll(model, 40_000, ({ missing, step }, i) => {
        const isMissing = (column: number) => missing[(column - 1) * step + i];
        for (const group of model.source.missingTogether) {
          for (const c of group) if (isMissing(c) !== isMissing(group[0])) wrong++;
        }
        for (let c = 0; c < found.length; c++) found[c] += isMissing(c + 1);
      });
      expect(wrong).toBe(0);
      columns.forEach((column, i) => {
        expect(Math.abs(found[i] / 40_000 - column.missing), `${name} I${i + 1}`).toBeLessThan(0.01);
      });
    }
  });
});

describe("drift", () => {
  it("gives about the asked share of the middle ranks another row each day, and keeps the head", () => {
    const source = clickSources["criteo-kaggle"];
    const drifting = createClickModel(source, { ...shape, drift: 0.05 });
    const finest = drifting.chain[0];
    const count = 20_000;
    const [a, b] = [2, 3].map((day) => {
      const clicks = createClicks(drifting, count);
      drawClicks(drifting, { bias: 0, gain: 0 }, clicks, { from: 0, count, day, hourOf: () => 0 });
      return clicks.rows.subarray(finest * clicks.step, finest * clicks.step + count);
    });
    const still = models["criteo-kaggle"];
    const head = new Set(Array.from({ length: 128 }, (_, rank) => still.tables[finest].rowOf(rank)));
    let [moved, middle] = [0, 0];
    for (let i = 0; i < count; i++) {
      if (head.has(a[i]) && head.has(b[i])) continue;
      middle++;
      if (a[i] !== b[i]) moved++;
    }
    expect(Math.abs(moved / middle - 0.05)).toBeLessThan(0.015);
  });

  it("stays a bijection", () => {
    const model = createClickModel(clickSources["criteo-kaggle"], { ...shape, drift: 0.05, scale: 0.001 });
    const t = model.chain[0];
    const move = model.drifts?.[t];
    if (!move) throw new Error("no drift");
    for (const day of [0, 1, 6]) {
      const reached = new Set(Array.from({ length: model.tables[t].rows }, (_, rank) => move(rank, day)));
      expect(reached.size).toBe(model.tables[t].rows);
    }
  });
});
