import { afterAll, expect, test } from "vitest";
import { tinyBench } from "../../test/tiny-bench.js";
import type { Bench } from "../scenario.js";
import { findScenario } from "../scenarios/index.js";
import { sharedWork } from "./once.js";
import type { Trained } from "./train.js";
import { aboveBaseline, runTrials, spreadAboveBaseline, type Variant } from "./trials.js";

const kept = tinyBench({ onlyWorkloads: ["RMC2"] });
afterAll(() => kept[Symbol.dispose]());
/** Shares the logs of the others, and no runs. */
const fresh = (given: Partial<Bench> = {}): Bench => ({ ...kept, once: sharedWork(), ...given });

const variants: readonly Variant[] = [
  { name: "dlrm-hybrid", strategy: "dlrm-hybrid" },
  { name: "fae 25 %", strategy: "fae", shuffleRate: 25 },
];

test("a run of accuracy and shuffle-rate trains what both need once", async () => {
  const lines: string[] = [];
  const recorded: unknown[] = [];
  const bench = fresh({
    log: (line) => lines.push(line),
    record: ({ variant, seed }) => recorded.push(`${variant}, ${seed}`),
  });
  await findScenario("accuracy").run(bench);
  const { repeats, figures, tables, seeds } = await findScenario("shuffle-rate").run(bench);
  const trained = lines.filter((line) => line.includes(", seed "));
  expect(trained).toHaveLength(9 + 3);
  expect(trained.slice(9)).toEqual([1, 2, 3].map((seed) => `RMC2 fae 25 %, seed ${seed}`));
  expect(recorded).toHaveLength(9 + 9);
  expect(repeats.map(({ variant, seed }) => `${variant}, ${seed}`)).toEqual(
    ["dlrm-hybrid", "fae 50 %", "fae 25 %"].flatMap((name) => [1, 2, 3].map((seed) => `${name}, ${seed}`)),
  );
  expect(seeds).toEqual([1, 2, 3]);
  for (const { x } of figures) expect(x).toEqual([25, 50]);
  expect(tables[0].rows.map(([name]) => name)).toEqual(["RMC2 50 %", "RMC2 25 %"]);
});

test("time ends the seeds, never the variants of one", async () => {
  const { trials, notes } = await runTrials(fresh({ secondsLeft: () => 0 }), variants);
  expect(trials[0].seeds).toEqual([1]);
  expect([...trials[0].runs.values()].map((runs) => runs.length)).toEqual([1, 1]);
  expect(notes).toContain("RMC2: time for 1 of 3 seeds.");
});

test("the learning rate of every run falls over the second half of its batches", async () => {
  const { trials } = await runTrials(fresh({ secondsLeft: () => 0 }), variants);
  for (const [run] of trials[0].runs.values()) {
    const { decayStart, decaySteps } = run.report.options;
    expect(decayStart).toBe(Math.floor(run.report.inputs / trials[0].workload.batch / 2));
    expect(decaySteps).toBe(decayStart);
  }
});

test("metrics are held against the run of the same seed", async () => {
  const run = (auc: number) => ({ report: { metrics: { test: { auc } } } }) as unknown as Trained;
  const [workload] = (await runTrials(fresh({ secondsLeft: () => 0 }), [variants[0]])).trials.map(
    (one) => one.workload,
  );
  const trial = {
    workload,
    seeds: [1, 2],
    runs: new Map([
      ["dlrm-hybrid", [run(0.5), run(0.75)]],
      ["fae", [run(0.25), run(1)]],
    ]),
  };
  expect(aboveBaseline(trial, "fae", "auc")).toEqual([-0.25, 0.25]);
  expect(spreadAboveBaseline(trial, "fae", "auc", 100)).toEqual({ median: 0, min: -25, max: 25, n: 2 });
  expect(spreadAboveBaseline(trial, "mixed", "auc")).toBeNull();
});

test.each([
  ["steps", "moves the same rows", "different with seed 2"],
  ["schedulerTrace", "begins at its rate", "50, 25 and 1"],
] as const)("a rate that changes %s is noticed", async (field, what, detail) => {
  const wrong = { steps: 1, schedulerTrace: [{ rate: 1 }] }[field];
  const bench = fresh({
    once: async (key, make) => {
      const done = await make();
      if (!key.includes(" fae 25 2")) return done;
      const { report, ...rest } = done as unknown as Trained;
      return { ...rest, report: { ...report, [field]: wrong } } as unknown as typeof done;
    },
  });
  const { checks } = await findScenario("shuffle-rate").run(bench);
  const failed = checks.filter(({ passed }) => !passed);
  expect(failed).toHaveLength(1);
  expect(failed[0].what).toContain(what);
  expect(failed[0].detail).toBe(detail);
});
