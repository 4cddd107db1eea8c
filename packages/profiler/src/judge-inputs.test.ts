import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SkewedData, skewedData, slowCounts } from "../test/skewed-data.js";
import { classifyInputs } from "./classify-inputs.js";
import { countOfCounts } from "./count-of-counts.js";
import { chooseHotSet, type HotSet, hotRowBits } from "./hot-set.js";
import { hotInputShare, judgeInputs } from "./judge-inputs.js";
import { sampledInputs } from "./sample.js";

const shapes = fc.record({
  inputs: fc.integer({ min: 0, max: 200 }),
  tables: fc.array(fc.record({ rows: fc.integer({ min: 1, max: 40 }), hotness: fc.integer({ min: 1, max: 3 }) }), {
    minLength: 1,
    maxLength: 3,
  }),
  steps: fc.integer({ min: 0, max: 2 }),
  missing: fc.constantFrom(0, 0.3),
  seed: fc.nat(),
});

/** The ids of every input, with their tables, the slow way. */
function idsOfInputs({ ids, source }: SkewedData): { table: number; id: number }[][] {
  return Array.from({ length: source.rows }, (_, i) =>
    ids.flatMap((column, table) => {
      const each = column.length / source.rows;
      return [...column.subarray(i * each, (i + 1) * each)].filter((id) => id >= 0).map((id) => ({ table, id }));
    }),
  );
}

const isHot = (counts: readonly Uint32Array[], set: HotSet) => {
  const bits = counts.map((table, t) => hotRowBits(table, set, t));
  return (input: { table: number; id: number }[]) =>
    input.every(({ table, id }) => (bits[table][id >>> 5] >>> (id & 31)) & 1);
};

describe("judging and classifying", () => {
  it("call an input hot if and only if every row it touches is", async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.integer({ min: 1, max: 60 }), fc.constantFrom(0, 40), async (shape, rows, small) => {
        const data = skewedData(shape);
        const counts = slowCounts(data);
        const smallRows = data.tables.reduce((sum, t) => sum + (4 * t.rows < small ? t.rows : 0), 0);
        const hotSet = chooseHotSet(counts, counts.map(countOfCounts), {
          rowBytes: 4,
          budgetBytes: 4 * (rows + smallRows),
          smallTableBytes: small,
        });
        const inputs = idsOfInputs(data);
        const expected = inputs.map(isHot(counts, hotSet)).map((hot) => Number(Boolean(hot)));
        const total = expected.reduce((sum, hot) => sum + hot, 0);
        const options = { source: data.source, tables: data.tables, counts, hotSet };

        const judged = await judgeInputs(options);
        expect([judged.inputs, judged.hot]).toEqual([shape.inputs, total]);
        for (const threshold of [1, 2, 3, 7, 1000]) {
          const share =
            inputs.filter((input) =>
              input.every(({ table, id }) => hotSet.whole[table] || counts[table][id] >= threshold),
            ).length / Math.max(1, shape.inputs);
          expect(hotInputShare(judged, threshold)).toBeCloseTo(share, 12);
        }

        const classified = await classifyInputs({ ...options, wantsBits: true });
        expect(classified.hot).toBe(total);
        expect(expected.map((_, i) => ((classified.hotBits?.[i >>> 5] ?? 0) >>> (i & 31)) & 1)).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });

  it("classify by comparison when ids are in popularity order", async () => {
    const data = skewedData({ inputs: 3000, tables: [{ rows: 50 }, { rows: 300, hotness: 2 }], missing: 0.1 });
    const hotRows = [20, 150];
    const expected = idsOfInputs(data).filter((input) => input.every(({ table, id }) => id < hotRows[table])).length;
    const options = { source: data.source, tables: data.tables };
    expect(expected).toBeGreaterThan(100);
    expect(await classifyInputs({ ...options, hotRows })).toMatchObject({ inputs: 3000, hot: expected, hotBits: null });
    expect((await classifyInputs({ ...options, hotRows: [50, 300] })).hot).toBe(3000);
    const touching = idsOfInputs(data).filter((input) => input.length === 0).length;
    expect((await classifyInputs({ ...options, hotRows: [0, 0] })).hot).toBe(touching);
  });

  it("judge only the sample that is asked for, without the excluded inputs", async () => {
    const data = skewedData({ inputs: 5000, tables: [{ rows: 400 }] });
    const counts = slowCounts(data);
    const hotSet = chooseHotSet(counts, counts.map(countOfCounts), {
      rowBytes: 4,
      budgetBytes: 400,
      smallTableBytes: 0,
    });
    const sample = { ratePercent: 30, seed: 1 };
    const exclude = { ratePercent: 50, seed: 2 };
    const barred = new Set(sampledInputs(exclude, 0, 5000));
    const judges = [...sampledInputs(sample, 0, 5000)].filter((input) => !barred.has(input));
    const inputs = idsOfInputs(data);
    const found = await judgeInputs({ source: data.source, tables: data.tables, counts, hotSet, sample, exclude });
    expect(found.inputs).toBe(judges.length);
    expect(found.hot).toBe(judges.map((i) => inputs[i]).filter(isHot(counts, hotSet)).length);
  });

  it("refuse ids outside their table, and no way to tell hot rows", async () => {
    const data = skewedData({ inputs: 50, tables: [{ rows: 40 }] });
    const tables = [{ name: "a", rows: 3 }];
    const counts = [new Uint32Array(3).fill(1)];
    const hotSet = chooseHotSet(counts, counts.map(countOfCounts), { rowBytes: 4, budgetBytes: 8, smallTableBytes: 0 });
    const source = data.source;
    await expect(judgeInputs({ source, tables, counts, hotSet })).rejects.toThrow(/which has 3 rows/);
    await expect(classifyInputs({ source, tables, counts, hotSet })).rejects.toThrow(/which has 3 rows/);
    await expect(classifyInputs({ source, tables, hotRows: [1] })).rejects.toThrow(/which has 3 rows/);
    await expect(classifyInputs({ source, tables })).rejects.toThrow(/neither/);
  });
});
