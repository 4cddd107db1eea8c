import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { EngineUnavailableError } from "@fae/core";
import { expect, test } from "vitest";
import { tinyBench } from "../test/tiny-bench.js";
import { readResult } from "./result-file.js";
import { type RunRequest, runScenarios } from "./run-scenarios.js";
import type { Bench, Findings, Scenario } from "./scenario.js";

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
