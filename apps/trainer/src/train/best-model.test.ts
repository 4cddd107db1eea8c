import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPrepared } from "@fae/datasets";
import { listCheckpoints } from "@fae/embedding-store";
import { profile, writeProfile } from "@fae/profiler";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packData } from "../pack/pack-data.js";
import { writeSmallData } from "../test-data.js";
import { loadEngine } from "./engines.js";
import { evaluateModel } from "./evaluate-model.js";
import type { TrainOptions } from "./options.js";
import type { TrainReport } from "./report.js";
import { trainText } from "./summary.js";
import { resumeTraining, trainModel } from "./train-model.js";

const engine = await loadEngine("cpu").then(
  () => "cpu",
  () => "reference",
);

let root = "";
let names = 0;
const at = (...parts: string[]): string => join(root, ...parts);
const fresh = (): string => at(`run-${names++}`);
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fae-best-"));
  writeSmallData(at("data"));
  const data = await openPrepared(at("data"));
  const made = await profile({ data, width: 4, stateValues: 4, budgetBytes: 640, smallTableBytes: 0 });
  await writeProfile(at("profile"), made);
  await packData({ data: at("data"), profile: at("profile"), out: at("packed") });
});
afterAll(() => rmSync(root, { recursive: true }));

/** Learns fast and then overfits: a test in the middle is the best one. */
const overfitting = (more: Partial<TrainOptions> = {}): Parameters<typeof trainModel>[0] => ({
  data: at("packed"),
  model: "dlrm",
  modelOptions: { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] },
  engine,
  optimizer: "adagrad",
  batch: 50,
  learningRate: 0.5,
  epochs: 12,
  segmentBatches: 4,
  threads: 1,
  testEvery: 5,
  ...more,
});

const bestTest = ({ tests }: TrainReport) =>
  tests.reduce((best, next) => ((next.metrics.logLoss ?? 9) < (best.metrics.logLoss ?? 9) ? next : best));

function model(run: string): Buffer[] {
  const [step] = readdirSync(join(run, "model"));
  const files = readdirSync(join(run, "model", step)).filter((name) => name.endsWith(".safetensors"));
  return files.map((name) => readFileSync(join(run, "model", step, name)));
}

const strategies: [string, Partial<TrainOptions>][] = [
  ["cpu-only", {}],
  ["fae", { strategy: "fae", testEvery: 0 }],
  ["fae, tested inside its segments too", { strategy: "fae" }],
  ["mixed", { strategy: "mixed" }],
  ["a parameter server", { strategy: "xdl-parameter-server", servers: 2 }],
  ["a stale parameter server", { strategy: "xdl-parameter-server", staleness: 2 }],
];

describe("the weights of the best test are scored and written", () => {
  test.each(strategies)("%s", async (_, more) => {
    const run = fresh();
    const report = await trainModel(overfitting({ run, stopPatience: 4, ...more }));
    const best = bestTest(report);
    expect(report.kept).toEqual({ weights: "best", step: best.step });
    expect(best.step).toBeLessThan(report.steps);
    expect(report.metrics.val?.logLoss).toBeCloseTo(best.metrics.logLoss ?? 9, 6);
    const again = await evaluateModel({ model: run, data: at("data"), split: "val", engine, batch: 64, threads: 1 });
    expect(again.report.step).toBe(best.step);
    expect(again.report.metrics.logLoss).toBeCloseTo(best.metrics.logLoss ?? 9, 6);
    expect(existsSync(join(run, "best"))).toBe(false);
    expect(trainText(report)).toContain(`weights of the best test, after batch ${best.step}`);
  });

  test("they are those of a run that ends there", async () => {
    const [run, whole] = [fresh(), fresh()];
    const { kept } = await trainModel(overfitting({ run, stopPatience: 4 }));
    await trainModel(overfitting({ run: whole, maxBatches: kept.step }));
    expect(model(run)).toEqual(model(whole));
  });

  test("without an early stop too, and of a last test that is the best", async () => {
    const run = fresh();
    const report = await trainModel(overfitting({ run, keep: "best", learningRate: 0.01, maxBatches: 13 }));
    expect(report.tests.map(({ step, askedBy }) => [step, askedBy])).toEqual([
      [5, "interval"],
      [10, "interval"],
      [13, "end"],
    ]);
    expect(report.kept).toEqual({ weights: "best", step: 13 });
  });
});

test("keeping the last weights says that a test was better", async () => {
  const report = await trainModel(overfitting({ stopPatience: 4 }));
  expect(report.kept).toEqual({ weights: "last", step: report.steps });
  expect(trainText(report)).toContain(`hint: the test after batch ${bestTest(report).step} was better`);
});

describe("a run with checkpoints", () => {
  /** Trains until a test has got worse, then is interrupted. */
  async function interrupted(more: Partial<TrainOptions>): Promise<string> {
    const run = fresh();
    const controller = new AbortController();
    let best = 9;
    let worse = 0;
    const hooks: Parameters<typeof trainModel>[1] = {
      signal: controller.signal,
      onEvent(event) {
        if (event.kind !== "test") return;
        const loss = event.metrics.logLoss ?? 9;
        worse = loss < best ? 0 : worse + 1;
        best = Math.min(best, loss);
        if (worse === 3) controller.abort();
      },
    };
    await expect(trainModel(overfitting({ run, ...more }), hooks)).rejects.toMatchObject({ code: "ERR_INTERRUPTED" });
    return run;
  }

  test.each([
    ["cpu-only", {}],
    ["fae", { strategy: "fae" }],
  ] satisfies [string, Partial<TrainOptions>][])(
    "is resumed to the best weights from before the interruption: %s",
    async (_, more) => {
      const options = { stopPatience: 6, checkpointEvery: 4, keepCheckpoints: 1, fullEvery: 3, ...more };
      const run = await interrupted(options);
      const whole = fresh();
      const expected = await trainModel(overfitting({ run: whole, ...options }));
      const report = await resumeTraining(run);
      expect(report.kept).toEqual(expected.kept);
      expect(report.kept.step).toBeLessThan(report.resumedAt[0]);
      expect(model(run)).toEqual(model(whole));
    },
  );

  test("keeps the best models that its checkpoints know of, and no others", async () => {
    const run = await interrupted({ stopPatience: 6, checkpointEvery: 4, keepCheckpoints: 2 });
    const best = await listCheckpoints(join(run, "best"));
    expect(best.length).toBeGreaterThan(0);
    expect(best.length).toBeLessThanOrEqual(4);
  });

  test("whose best model is gone says so, and how to go on", async () => {
    const run = await interrupted({ stopPatience: 6, checkpointEvery: 4 });
    rmSync(join(run, "best"), { recursive: true });
    await expect(resumeTraining(run)).rejects.toThrow(
      /The model of the best test, of step \d+, is not in .*--keep last/,
    );
    const report = await resumeTraining(run, { keep: "last" });
    expect(report.kept).toEqual({ weights: "last", step: report.steps });
  });
});

test.each([
  [{ keep: "best" }, "have no place: there is no run directory"],
  [{ keep: "best", run: "r", testEvery: 0 }, "there are none"],
] satisfies [Partial<TrainOptions>, string][])("refuses %o", async (more, message) => {
  await expect(trainModel(overfitting(more))).rejects.toThrow(message);
});
