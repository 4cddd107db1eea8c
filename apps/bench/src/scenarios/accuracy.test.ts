import { referenceEngine } from "@fae/core";
import { afterAll, expect, test } from "vitest";
import { tinyBench } from "../../test/tiny-bench.js";
import { workloads } from "../data/workloads.js";
import type { Trained } from "../measure/train.js";
import { baseline, type Trial } from "../measure/trials.js";
import { faeAsGood, sameAsBaseline } from "./accuracy.js";

const engine = referenceEngine();
const bench = tinyBench();
afterAll(() => bench[Symbol.dispose]());
const [workload] = await workloads(bench, ["RMC2"]);
const run = (test: object | null) => ({ report: { metrics: { test } } }) as unknown as Trained;
const trial = (name: string, base: readonly Trained[], other: readonly Trained[]): Trial => ({
  workload,
  seeds: [1, 2],
  runs: new Map([
    [baseline, base],
    [name, other],
  ]),
});

test("mixed that scores as the baseline passes, one that is off by the last digits does not", () => {
  const base = [run({ logLoss: 0.5 }), run({ logLoss: 0.25 })];
  expect(sameAsBaseline({ engine }, trial("mixed", base, base))).toMatchObject([
    { passed: true, detail: "log loss of 2 seeds, largest difference 0, allowed 0" },
  ]);
  const other = [base[0], run({ logLoss: 0.25 + 1e-12 })];
  expect(sameAsBaseline({ engine }, trial("mixed", base, other))).toMatchObject([{ passed: false }]);
});

test.each([
  ["no runs", []],
  ["runs without a score", [run(null), run({ logLoss: null })]],
])("%s of both are nothing to compare, and fail", (_, runs) => {
  expect(sameAsBaseline({ engine }, trial("mixed", runs, runs))).toMatchObject([{ passed: false }]);
  const asGood = faeAsGood({ size: "full" }, trial("fae", runs, runs));
  expect(asGood).toMatchObject([{ passed: false, detail: "nothing to compare" }, { passed: false }]);
});

test("what the engine refuses is not compared", () => {
  const without: Trial = { workload, seeds: [1], runs: new Map([[baseline, [run({ logLoss: 1 })]]]) };
  expect([...sameAsBaseline({ engine }, without), ...faeAsGood({ size: "full" }, without)]).toEqual([]);
});
