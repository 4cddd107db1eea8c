import type { Engine, Job, SegmentReport } from "@fae/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyBench } from "../../test/tiny-bench.js";
import { type TimedSet, timedSet } from "../data/timed-set.js";
import { workloads } from "../data/workloads.js";
import { sameLosses } from "./same-losses.js";
import { allStrategies, engineFor, engineNotes, strategiesFor } from "./strategies.js";

const bench = tinyBench();
let set: TimedSet;
beforeAll(async () => {
  const [workload] = await workloads(bench, ["RMC4"]);
  set = await timedSet(bench, { ...workload, hot: { ...workload.hot, budgetBytes: 12 * 1024, smallTableBytes: 0 } });
});
afterAll(() => bench[Symbol.dispose]());

/** The reference engine with losses of one strategy changed. */
const changedIn = (strategy: string, change: (losses: SegmentReport["losses"]) => SegmentReport["losses"]): Engine => ({
  ...bench.engine,
  async open(job) {
    const session = await bench.engine.open(job);
    if (job.plan.strategy !== strategy) return session;
    return {
      ...session,
      async run(segment, rates) {
        const report = await session.run(segment, rates);
        return { ...report, losses: change(report.losses) };
      },
    };
  },
});
const wrongIn = (strategy: string, error: number): Engine =>
  changedIn(strategy, (losses) => losses.map((loss) => loss + error));

test("strategies in one order, and fae against another in its own, have equal losses", async () => {
  const { checks, ran } = await sameLosses(bench, set, allStrategies, 3);
  expect(checks).toMatchObject([
    { passed: true, what: expect.stringContaining("in one order") },
    { passed: true, what: expect.stringContaining("in the order of fae") },
  ]);
  expect(ran).toEqual(allStrategies);
  expect(checks[0].detail).toBe("3 batches, largest difference 0, allowed 0");
});

test.each([["mixed"], ["fae"]] as const)(
  "a loss of %s that differs in the last digits is noticed",
  async (strategy) => {
    const wrong = { ...bench, engine: wrongIn(strategy, 1e-12) };
    const { checks } = await sameLosses(wrong, set, ["dlrm-hybrid", "mixed", "fae"], 2);
    expect(checks.filter(({ passed }) => !passed)).toHaveLength(1);
  },
);

test.each([["dlrm-hybrid"], ["mixed"]] as const)("losses that %s does not report are noticed", async (strategy) => {
  const silent = { ...bench, engine: changedIn(strategy, (losses) => losses.slice(0, -1)) };
  const { checks } = await sameLosses(silent, set, ["dlrm-hybrid", "mixed"], 2);
  expect(checks).toMatchObject([{ passed: false, detail: expect.stringContaining("numbers are missing") }]);
});

test("fae alone is compared with nothing and does not run", async () => {
  expect(await sameLosses(bench, set, ["fae"], 2)).toEqual({ checks: [], ran: [] });
  expect(await sameLosses(bench, set, ["mixed"], 2)).toEqual({ checks: [], ran: ["mixed"] });
});

test("a strategy that the engine refuses is left out with its reason", () => {
  const engine = { ...bench.engine, refuses: () => ["It has no servers."] };
  const { taken, notes } = strategiesFor({ ...bench, engine, engineName: "other" }, set, ["xdl-parameter-server"]);
  expect(taken).toEqual([]);
  expect(notes[0]).toBe("RMC4, xdl-parameter-server: not run on other, It has no servers.");
});

test("a strategy without a device runs on the engine of the host, where there is one", () => {
  const hostEngine = { ...bench.engine, name: "host" };
  const engine = {
    ...bench.engine,
    refuses: ({ plan }: Job) => (plan.routes.includes("host") ? ["No host route."] : []),
  };
  const beside = { ...bench, engine, hostEngine };
  expect(strategiesFor(beside, set, ["cpu-only", "mixed"])).toEqual({
    taken: ["cpu-only", "mixed"],
    notes: ["RMC4, cpu-only: on engine host of the host, 6 batches a run."],
  });
  expect(engineFor(beside, "mixed").engine).toBe(engine);
  expect(strategiesFor({ ...beside, hostEngine: null }, set, ["cpu-only", "mixed"]).taken).toEqual(["mixed"]);
});

test("losses of the engine of the host are compared with the others", async () => {
  const beside = { ...bench, hostEngine: wrongIn("cpu-only", 1e-12) };
  const { checks } = await sameLosses(beside, set, ["cpu-only", "mixed"], 2);
  expect(checks).toMatchObject([{ passed: false }]);
});

test("a simulated device is said to be one", () => {
  expect(engineNotes(bench)[0]).toContain("no GPU");
  const gpu = { ...bench.engine.machine(), devices: [{ name: "GPU", memoryBytes: 1 }] };
  expect(engineNotes({ ...bench, engine: { ...bench.engine, machine: () => gpu } })).toEqual([]);
  expect(engineNotes({ ...bench, matmul: "tf32" })[1]).toContain("tf32");
});
