import { expect, test } from "vitest";
import { tinyBench } from "../../test/tiny-bench.js";
import { timedSet } from "../data/timed-set.js";
import { workloads } from "../data/workloads.js";
import { trainInTurn } from "./train.js";
import { measureWorkloads } from "./workload.js";

test("workloads share the time that is left when all data are made", async () => {
  const lines: string[] = [];
  const isMaking = (line: string) => line.startsWith("making ");
  // A clock that making one thing moves by 100 seconds and one run by 1 second.
  const spent = () => lines.reduce((sum, line) => sum + (isMaking(line) ? 100 : 1), 0);
  const made = 3 * 2; // log, packed and head of each workload
  using bench = tinyBench({
    onlyWorkloads: ["RMC2", "RMC4"],
    repeats: 50,
    log: (line) => lines.push(line),
    secondsLeft: () => 100 * made + 24 - spent(),
  });
  const measured = await measureWorkloads(bench, ["RMC2", "RMC4"], ["dlrm-hybrid", "mixed"]);
  expect(lines.filter(isMaking)).toHaveLength(made);
  expect(lines.slice(0, made).every(isMaking)).toBe(true);
  expect(measured.map(({ runs }) => [...runs.values()].map((all) => all.length))).toEqual([
    [6, 6],
    [6, 6],
  ]);
});

test("at full size only strategies that no check has run are run unrecorded first", async () => {
  const lines: string[] = [];
  using bench = tinyBench({ log: (line) => lines.push(line) });
  const [workload] = await workloads(bench, ["RMC4"]);
  const { data } = await timedSet(bench, workload);
  lines.length = 0;
  const full = { ...bench, size: "full" as const };
  await trainInTurn(full, { workload, data }, ["dlrm-hybrid", "mixed"], { warm: ["mixed"] });
  await trainInTurn(full, { workload, data }, ["mixed"]);
  expect(lines).toEqual([
    "RMC4 dlrm-hybrid (warm-up)",
    "RMC4 dlrm-hybrid 1/1",
    "RMC4 mixed 1/1",
    "RMC4 mixed (warm-up)",
    "RMC4 mixed 1/1",
  ]);
});
