import { type Engine, noRow, type OptimizerName, optimizers, Random, type RowLayout, referenceEngine } from "@fae/core";
import { inverseOrder, popularityOrder, rowBytes } from "@fae/embedding-store";
import { findModel } from "@fae/models";
import { calibrate, chooseHotSet, countAccesses, countOfCounts } from "@fae/profiler";
import { engineStatuses, loadEngine } from "@fae/trainer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bareBytes, forIds, type HotProblem, hotBytes } from "./hot-bytes.js";

const problems = fc.record({
  tableRows: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 3 }),
  hotness: fc.integer({ min: 1, max: 2 }),
  width: fc.constantFrom(1, 3, 4),
  optimizer: fc.constantFrom(...(Object.keys(optimizers) as OptimizerName[])),
  skew: fc.integer({ min: 1, max: 3 }),
  /** Of all rows with their state; the small tables may need more. */
  budgetPercent: fc.integer({ min: 0, max: 120 }),
  smallTableBytes: fc.constantFrom(0, 200),
  isSampled: fc.boolean(),
  seed: fc.nat(2 ** 31 - 1),
});
type Drawn = typeof problems extends fc.Arbitrary<infer T> ? T : never;

const batch = 8;
const inputs = 2 * batch;

/** Words of inputs with skewed ids; a bag may be short. */
function drawWords({ tableRows, skew, seed }: Drawn, layout: RowLayout): Uint32Array {
  const random = new Random(seed);
  const words = new Uint32Array(inputs * (2 + layout.hotness.reduce((sum, n) => sum + n, 0)));
  for (let at = 0; at < words.length; at += words.length / inputs) words[at] = random.below(2);
  forIds(layout, words.length, (at, table) => {
    const id = Math.floor(tableRows[table] * random.next() ** skew);
    words[at] = random.below(20) === 0 ? noRow : id;
  });
  return words;
}

async function check(engine: Engine, drawn: Drawn): Promise<"refused" | "kept"> {
  const { tableRows, hotness, width, optimizer, smallTableBytes, isSampled } = drawn;
  const layout: RowLayout = {
    denseFeatures: 1,
    denseEncoding: "float32",
    steps: 0,
    hotness: tableRows.map(() => hotness),
  };
  const words = drawWords(drawn, layout);
  const tables = tableRows.map((rows, t) => ({ name: `t${t}`, rows }));
  const rows = { layout, rows: inputs, storage: { kind: "memory" as const, words } };
  const { counts } = await countAccesses(rows, { tables, workers: 1 });
  const perRow = rowBytes(width, optimizer);
  const budgetBytes = Math.floor((drawn.budgetPercent / 100) * perRow * tableRows.reduce((sum, n) => sum + n, 0));
  const options = { rowBytes: perRow, budgetBytes, smallTableBytes };
  const histograms = counts.map(countOfCounts);
  const small = tableRows.filter((n) => n * perRow < smallTableBytes).reduce((sum, n) => sum + n * perRow, 0);
  if (budgetBytes < Math.max(small, perRow)) {
    expect(() => chooseHotSet(counts, histograms, options)).toThrow(/does not hold/);
    return "refused";
  }
  const { hotRows } = isSampled
    ? calibrate(counts, histograms, inputs, options).hotSet
    : chooseHotSet(counts, histograms, options);
  const newIds = counts.map((table) => inverseOrder(popularityOrder(table)));
  forIds(layout, words.length, (at, table) => {
    if (words[at] < tableRows[table]) words[at] = newIds[table][words[at]];
  });
  const program = findModel("dlrm").build(
    { denseFeatures: 1, steps: 0, tableRows },
    { width, bottomMlp: [width], topMlp: [1] },
  );
  const problem: HotProblem = { engine, program, optimizer, batch, layout, words };
  const { copied, held, losses } = await hotBytes(problem, hotRows, budgetBytes, await bareBytes(problem));
  const hot = hotRows.reduce((sum, n) => sum + n, 0);
  expect(copied).toBe(hot * perRow);
  expect(copied).toBeLessThanOrEqual(budgetBytes);
  expect(losses.fae).toEqual(losses.mixed);
  if (engine.name !== "cpu") return "kept";
  expect(held.fae).toBe(copied + hot);
  expect(held.mixed).toBeLessThanOrEqual(budgetBytes);
  return "kept";
}

const hasCpu = (await engineStatuses()).some(({ name, available }) => name === "cpu" && available);

describe.each(["reference", "cpu"])("the budget on engine %s", (name) => {
  const isMissing = name === "cpu" && !hasCpu;
  it.skipIf(isMissing)(
    `is kept in bytes that the engine counts${isMissing ? " (skipped: not built)" : ""}`,
    async () => {
      const engine = name === "cpu" ? await loadEngine("cpu") : referenceEngine();
      let kept = 0;
      await fc.assert(
        fc.asyncProperty(problems, async (drawn) => {
          if ((await check(engine, drawn)) === "kept") kept++;
        }),
        { numRuns: 200, seed: 1 },
      );
      expect(kept).toBeGreaterThan(120);
    },
  );
});
