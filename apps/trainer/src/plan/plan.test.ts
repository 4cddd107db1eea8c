import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PreparedData } from "@fae/core";
import { openPrepared } from "@fae/datasets";
import { checkpointBytes } from "@fae/embedding-store";
import { findModel } from "@fae/models";
import { openCounts, profile, readCounts, readProfile, writeProfile } from "@fae/profiler";
import type { StrategyName } from "@fae/scheduler";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { captureIo } from "../cli/test-io.js";
import { main } from "../cli.js";
import { packData } from "../pack/pack-data.js";
import { writeSmallData } from "../test-data.js";
import { engineStatuses } from "../train/engines.js";
import type { TrainOptions } from "../train/options.js";
import type { TrainReport } from "../train/report.js";
import { addBytes } from "../train/totals.js";
import { trainModel } from "../train/train-model.js";
import { checkpointMemory } from "./checkpoint-memory.js";
import { single } from "./hot-figures.js";
import { planRun, type RunPlan, type StrategyPlan } from "./plan-run.js";
import { sampleHotSet } from "./quick-sample.js";

const names: StrategyName[] = ["cpu-only", "dlrm-hybrid", "xdl-parameter-server", "fae", "mixed", "device-only"];
const modelOptions = { width: 8, bottomMlp: [16, 8], topMlp: [64, 1] };
const rowBytes = 4 * 16;
let root = "";
const at = (...parts: string[]): string => join(root, ...parts);
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fae-plan-"));
  writeSmallData(at("data"), { tables: [4000, 900, 11], inputs: { train: 1030, val: 128, test: 64 } });
  await writeProfile(at("data-profile"), await profiled("data"));
  await packData({ data: at("data"), profile: at("data-profile"), out: at("packed") });
});
afterAll(() => rmSync(root, { recursive: true }));

const profiled = async (name: string) => {
  const data = await openPrepared(at(name));
  return profile({ data, width: 8, stateValues: 8, budgetBytes: 300 * rowBytes, smallTableBytes: 0 });
};
const common = { model: "dlrm", modelOptions, batch: 64, optimizer: "adagrad", segmentBatches: 6 } as const;
const only = async (name: StrategyName, more: Partial<TrainOptions> = {}): Promise<StrategyPlan> =>
  (await planRun({ ...common, data: at("packed"), engine: "reference", ...more }, [name])).strategies[0];

function expectWithinTenth(found: number, expected: number): void {
  expect(found).toBeGreaterThan(0.9 * expected);
  expect(found).toBeLessThanOrEqual(1.1 * expected);
}

const engines = (await engineStatuses())
  .filter(({ name, available }) => available && (name === "reference" || name === "cpu"))
  .map(({ name }) => name);
console.log(`plans are compared with runs on: ${engines.join(", ")}`);

describe.each(engines)("a plan against a run on engine %s", (engine) => {
  test.each(names)("%s: bytes exactly, memory within a tenth", async (strategy) => {
    for (const more of [{}, { shuffle: "total", lookAhead: 0, seed: 7 }] as const) {
      const plan = await only(strategy, { engine, ...more });
      const report = await trainModel({ ...common, data: at("packed"), engine, strategy, learningRate: 0.01, ...more });
      expect(plan.problems).toEqual([]);
      expect(plan).toMatchObject({ strategy, engine });
      expectBytes(plan, report);
      if (report.memory.hostBytes > 0) expectWithinTenth(plan.memory?.hostBytes ?? 0, report.memory.hostBytes);
      if (report.memory.deviceBytes > 0) expectWithinTenth(plan.memory?.deviceBytes ?? 0, report.memory.deviceBytes);
    }
  });
});

/** Means times steps are the bytes of the epoch; switches are told apart. */
function expectBytes({ traffic }: StrategyPlan, { steps, bytes, rows }: TrainReport): void {
  expect(traffic?.steps).toBe(steps);
  for (const kind of ["inputs", "rows", "rowState", "parameters"] as const)
    for (const direction of ["toDevice", "toHost"] as const)
      expect((traffic?.perStep[kind][direction] ?? Number.NaN) * steps).toBeCloseTo(bytes.train[kind][direction], 3);
  if (traffic && traffic.firstSwitch > 0) {
    expect(traffic.firstSwitch).toBe(300 * rowBytes);
    expect(rows.switched).toBeGreaterThanOrEqual(300);
    const switched = { ...bytes.train };
    addBytes(switched, bytes.evaluate);
    expect(switched.switch.toDevice).toBeGreaterThanOrEqual(traffic.firstSwitch);
  }
}

test("the plan before packing is the plan after it", async () => {
  const planned = async (data: string): Promise<RunPlan> =>
    planRun({ ...common, data: at(data), engine: "reference", budgetBytes: 300 * rowBytes }, ["fae", "mixed"]);
  const [before, after] = [await planned("data"), await planned("packed")];
  expect(before.hot).toMatchObject({ from: "profile", rows: 300 });
  expect(after.hot).toEqual({ ...before.hot, from: "pack" });
  for (const [i, plan] of after.strategies.entries()) {
    const { disk, ...same } = before.strategies[i];
    expect(plan).toMatchObject(same);
    expect(disk.model).toBe(plan.disk.model);
    expect(plan.disk.pack).toBe(0);
    const packed = readdirSync(at("packed"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== "manifest.json")
      .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
    expect(disk.pack).toBe(packed);
    expect(after.data.bytes).toBe(packed);
  }
});

test("without a profile that fits, a quick sample chooses the hot set", async () => {
  writeSmallData(at("large"), { tables: [20_000, 50], inputs: { train: 1000 } });
  const budgetBytes = 500 * rowBytes;
  const { hot } = await planRun({ ...common, data: at("large"), engine: "reference", budgetBytes }, ["mixed"]);
  expect(hot).toMatchObject({ from: "sample", rows: 500, budgetBytes, rowsPerTable: [450, 50] });
  expect(hot?.inputShare).toBeGreaterThan(0.3);
  expect(hot?.inputShare).toBeLessThan(1);
  const other = await planRun({ ...common, data: at("data"), engine: "reference", optimizer: "sgd" }, ["mixed"]);
  expect(other.hot?.from).toBe("sample");
});

test("the quick sample of a small log is its profile", async () => {
  const data = await openPrepared(at("data"));
  const budget = { budgetBytes: 300 * rowBytes, smallTableBytes: 100 * rowBytes };
  const exact = await profile({ data, width: 8, stateValues: 8, ...budget });
  const sample = sampleHotSet(data, { rowBytes, ...budget });
  expect(sample.hotSet.hotRows).toEqual(exact.profile.hotSet.hotRows);
  expect(sample.inputShare).toBe(exact.profile.hotSet.hotInputShare);
  for (const [t, counts] of exact.counts.entries()) {
    const hot = Array.from(counts, (_, id) => id).filter((id) => sample.isHot(t, id));
    expect(hot).toHaveLength(exact.profile.hotSet.hotRows[t]);
  }
});

test("a large log is sampled: others than the counted inputs judge it, and the figures are near the profile's", async () => {
  writeSmallData(at("long"), { tables: [3000, 50], denseFeatures: 0, inputs: { train: 450_000 } });
  const data = await openPrepared(at("long"));
  const budget = { budgetBytes: 500 * rowBytes, smallTableBytes: 0 };
  const exact = await profile({ data, width: 8, stateValues: 8, ...budget });
  const sample = sampleHotSet(data, { rowBytes, ...budget });
  expectWithinTenth(sample.hotSet.hotRows[0], exact.profile.hotSet.hotRows[0]);
  expect(sample.inputShare).toBeCloseTo(exact.profile.hotSet.hotInputShare, 2);
});

test("the counts of a profile that is too large to be read say the same one by one", async () => {
  const made = await readProfile(at("data-profile"));
  const counts = openCounts(at("data-profile"), made);
  const all = await readCounts(at("data-profile"));
  for (const [t, table] of all.entries())
    for (let id = 0; id < table.length; id++) if (counts.count(t, id) !== table[id]) throw new Error(`${t} ${id}`);
  const { isHot, close } = single(made.hotSet, counts);
  const hot = all.map((table, t) => table.reduce((sum, _, id) => sum + (isHot(t, id) ? 1 : 0), 0));
  expect(hot).toEqual(made.hotSet.hotRows);
  expect(() => counts.count(2, 11)).toThrow("ends before the count of row 11");
  close();
});

test("the rows of the tables cost a plan nothing: two billion are planned, with the bytes that they need and those there are", async () => {
  const rows = 2_000_000_001;
  writeSmallData(at("vast"), { tables: [4000, 900], inputs: { train: 600 } });
  const manifest = JSON.parse(readFileSync(at("vast", "manifest.json"), "utf8"));
  manifest.tables[0].rows = rows;
  writeFileSync(at("vast", "manifest.json"), JSON.stringify(manifest));
  const words = new Int32Array(Uint8Array.from(readFileSync(at("vast", "train.rows"))).buffer);
  words[3] = rows - 1;
  writeFileSync(at("vast", "train.rows"), words);
  const before = process.memoryUsage().arrayBuffers;
  const { strategies, model } = await planRun({ ...common, data: at("vast"), engine: "reference" });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 28);
  expect(model.tableBytes).toBe(4 * 8 * (rows + 900));
  for (const { strategy, problems, disk } of strategies) {
    expect(problems.join()).toMatch(/needs 2\d\d GiB of .*memory, there are/);
    expect(disk.model, strategy).toBeGreaterThan(rows * rowBytes);
  }
});

test("refuses a batch that train refuses, and a named profile of other data", async () => {
  const planned = (more: Partial<TrainOptions>) =>
    planRun({ ...common, data: at("data"), engine: "reference", ...more });
  await expect(planned({ batch: 1031 })).rejects.toThrow("larger than the training split, which has 1030");
  writeSmallData(at("other"), { tables: [4000, 900, 11], inputs: { train: 1030 }, seed: 2 });
  await writeProfile(at("other-profile"), await profiled("other"));
  for (const name of ["data", "packed"])
    await expect(planned({ data: at(name), profile: at("other-profile") })).rejects.toThrow("was made from data");
});

test("a strategy that cannot run says why and leaves the others alone", async () => {
  const { hot, strategies } = await planRun({ ...common, data: at("data"), engine: "reference", budgetBytes: 10 }, [
    "mixed",
    "device-only",
  ]);
  expect(hot).toBeNull();
  expect(strategies[0]).toMatchObject({ memory: null, traffic: null, problems: [expect.stringContaining("budget")] });
  expect(strategies[1].problems).toEqual([]);
  expect((await only("mixed", { engine: "no-engine" })).problems[0]).toContain("There is no engine 'no-engine'");
  expect((await only("fae", { budgetBytes: 100 })).problems[0]).toContain("The hot rows need");
});

test("the model's bytes on disk are those of its checkpoint", async () => {
  const run = at("run");
  await trainModel({ ...common, data: at("packed"), engine: "reference", learningRate: 0.01, run, maxBatches: 1 });
  const bytes = readdirSync(join(run, "model"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name.endsWith(".safetensors"))
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
  expectWithinTenth((await only("cpu-only")).disk.model, bytes);
});

test("a copy that half of the free memory does not hold is not counted: training waits instead", () => {
  const program = findModel("dlrm").build({ denseFeatures: 2, tableRows: [1e6], steps: 0 }, modelOptions);
  const data = { packed: null, splits: { train: { rows: 800 } } } as unknown as PreparedData;
  const memory = (fullEvery: number, freeBytes: number) =>
    checkpointMemory({ optimizer: "adagrad", checkpointEvery: 1, fullEvery }, program, data, freeBytes);
  const copy = checkpointBytes(program, "adagrad");
  expect(copy).toBeGreaterThan(1e6 * rowBytes);
  expect(memory(1, 2 * copy)?.waits).toBe(false);
  expect(memory(1, 2 * copy)?.hostBytes).toBeGreaterThan(copy);
  expect(memory(1, 2 * copy - 2)).toEqual({ hostBytes: 0, waits: true });
  expect(memory(10, 2 * copy - 2)?.hostBytes).toBe(10 * 2 ** 20 + 1e6 / 8 + 100);
});

test("fae plan prints a table, or one JSON object", async () => {
  const plan = async (...args: string[]) => {
    const io = captureIo();
    const code = await main(["plan", at("data"), "--model", "dlrm", "--engine", "reference", ...args], io);
    return { code, out: io.out(), err: io.err() };
  };
  const sizes = ["--width", "8", "--bottom-mlp", "16,8", "--top-mlp", "64,1", "--batch", "64"];
  const shown = await plan(...sizes, "--optimizer", "adagrad");
  expect(shown).toMatchObject({ code: 0, err: "" });
  expect(shown.out).toContain("hot set, from the profile: 300 rows");
  for (const name of names) expect(shown.out).toContain(name);
  expect(shown.out).not.toContain("+ checkpoint");
  const saving = await plan(...sizes, "--checkpoint-every", "100");
  expect(saving.out).toContain("host memory  + checkpoint  device memory");
  const json = JSON.parse((await plan(...sizes, "--strategy", "mixed", "--json")).out);
  expect(json.strategies.map(({ strategy }: StrategyPlan) => strategy)).toEqual(["mixed"]);
  expect(readdirSync(root).sort()).toEqual([
    "data",
    "data-profile",
    "large",
    "long",
    "other",
    "other-profile",
    "packed",
    "run",
    "vast",
  ]);
});
