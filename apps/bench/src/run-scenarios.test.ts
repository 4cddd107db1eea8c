import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EngineUnavailableError } from "@fae/core";
import { expect, test } from "vitest";
import { tinyBench } from "../test/tiny-bench.js";
import { workloads } from "./data/workloads.js";
import { interleave } from "./measure/spread.js";
import { readResult } from "./result-file.js";
import { type RunRequest, runScenarios } from "./run-scenarios.js";
import { type Bench, type Findings, type Scenario, withShare } from "./scenario.js";

const nothing: Findings = { seeds: [1], repeats: [], checks: [], tables: [], figures: [], notes: ["a note"] };
const scenario = (name: string, run: () => Promise<Findings>): Scenario => ({
  name,
  title: name,
  describes: "",
  paper: "",
  run,
});
const request = (bench: Bench, scenarios: readonly Scenario[], isNamed = true): RunRequest => ({
  scenarios,
  bench,
  out: join(bench.cacheDirectory, "out"),
  isNamed,
  maxSeconds: null,
  command: "fae-bench run",
  commit: "abc",
  options: { size: "tiny" },
});

test("a result carries machine, commit, command and what was found", async () => {
  using bench = tinyBench();
  const [outcome] = await runScenarios(request(bench, [scenario("one", async () => nothing)]));
  const found = await readResult(outcome.path ?? "");
  expect(found).toMatchObject({ scenario: "one", commit: "abc", command: "fae-bench run", notes: ["a note"] });
  expect(found.machine.engines).toHaveProperty("reference");
  expect(found.versions).toHaveProperty("node", process.version);
});

test("a scenario that fails does not stop the others", async () => {
  using bench = tinyBench();
  const failing = scenario("bad", () => Promise.reject(new TypeError("broken")));
  const wrong = { ...nothing, checks: [{ what: "equal", passed: false, detail: "1 and 2" }] };
  const outcomes = await runScenarios(
    request(bench, [failing, scenario("wrong", async () => wrong), scenario("good", async () => nothing)]),
  );
  expect(outcomes).toMatchObject([
    { scenario: "bad", path: null, error: { message: "broken" }, isLeftOut: false },
    { scenario: "wrong", failedChecks: ["equal (1 and 2)"], error: null },
    { scenario: "good", failedChecks: [], error: null },
  ]);
  expect(readdirSync(join(bench.cacheDirectory, "out")).sort()).toEqual(["good.json", "wrong.json"]);
});

test("what cannot run here is left out unless it was named", async () => {
  using bench = tinyBench();
  const missing = scenario("peers", () => Promise.reject(new EngineUnavailableError("No torch.")));
  expect(await runScenarios(request(bench, [missing], false))).toMatchObject([{ isLeftOut: true }]);
  expect(await runScenarios(request(bench, [missing], true))).toMatchObject([{ isLeftOut: false }]);
});

test("an interruption keeps the results of finished scenarios", async () => {
  const controller = new AbortController();
  using bench = tinyBench({ signal: controller.signal });
  const stopping = scenario("stopping", async () => {
    controller.abort();
    throw new Error("stopped inside");
  });
  const running = runScenarios(request(bench, [scenario("first", async () => nothing), stopping]));
  await expect(running).rejects.toMatchObject({ code: "ERR_INTERRUPTED" });
  expect(existsSync(join(bench.cacheDirectory, "out", "first.json"))).toBe(true);
  expect(existsSync(join(bench.cacheDirectory, "out", "stopping.json"))).toBe(false);
});

test("repeats are kept as they come, until the result is there", async () => {
  using bench = tinyBench();
  const out = join(bench.cacheDirectory, "out");
  const partial = (name: string) => join(out, `${name}.partial.jsonl`);
  const seen: string[] = [];
  const recording = (name: string, end: () => Promise<Findings>): Scenario => ({
    ...scenario(name, end),
    run: async ({ record }) => {
      record({ repeat: 0 });
      record({ repeat: 1 });
      seen.push(readFileSync(partial(name), "utf8"));
      return end();
    },
  });
  await runScenarios(
    request(bench, [
      recording("whole", async () => nothing),
      recording("cut", () => Promise.reject(new Error("killed"))),
    ]),
  );
  const lines = '{"repeat":0}\n{"repeat":1}\n';
  expect(seen).toEqual([lines, lines]);
  expect(existsSync(partial("whole"))).toBe(false);
  expect(readFileSync(partial("cut"), "utf8")).toBe(lines);
});

test("no round starts after the time of a scenario", async () => {
  using bench = tinyBench();
  const variants = ["a", "b"];
  const counts: number[] = [];
  const timed: Scenario = {
    ...scenario("timed", async () => nothing),
    run: async ({ secondsLeft }) => {
      const found = await interleave(variants, { repeats: 5, secondsLeft }, [], async () => 1);
      counts.push(...[...found.values()].map((all) => all.length));
      return nothing;
    },
  };
  await runScenarios({ ...request(bench, [timed]), maxSeconds: 1e-9 });
  await runScenarios(request(bench, [timed]));
  expect(counts).toEqual([1, 1, 5, 5]);
});

test("parts share evenly what is left of a scenario's time when they begin", () => {
  let spent = 40;
  const bench = { secondsLeft: () => 100 - spent };
  const part = (i: number) => withShare(bench, i, 3).secondsLeft();
  expect(part(0)).toBe(20);
  spent += 10; // 10 of its 20: what is over is shared by the others
  expect(part(1)).toBe(25);
  spent += 45; // 20 too many: the last has what is left
  expect(part(2)).toBe(5);
  spent += 20;
  expect([part(0), part(2)]).toEqual([-15, -15]);
});

test("a share runs down with the time of the scenario, and none ends without a limit", () => {
  let spent = 0;
  const half = withShare({ secondsLeft: () => 100 - spent }, 0, 2);
  const quarter = withShare(half, 0, 2);
  spent = 20;
  expect([half.secondsLeft(), quarter.secondsLeft()]).toEqual([30, 5]);
  const unlimited = { secondsLeft: () => Number.POSITIVE_INFINITY };
  expect(withShare(unlimited, 0, 4).secondsLeft()).toBe(Number.POSITIVE_INFINITY);
});

test("a scenario without the asked workload is left out unless it was named", async () => {
  using bench = tinyBench({ onlyWorkloads: ["SYN-M1"] });
  const only = scenario("one", async () => {
    await workloads(bench, ["RMC2"]);
    return nothing;
  });
  const [outcome] = await runScenarios(request(bench, [only], false));
  expect(outcome).toMatchObject({ isLeftOut: true });
  expect(outcome.error?.message).toMatch(/measures RMC2, and --workload asks for SYN-M1/);
});
