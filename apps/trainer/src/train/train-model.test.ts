import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeSmallData } from "../test-data.js";
import { evaluateModel } from "./evaluate-model.js";
import type { TrainOptions } from "./options.js";
import { trainModel } from "./train-model.js";

let root = "";
let data = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-train-"));
  data = writeSmallData(join(root, "data"));
});
afterAll(() => rmSync(root, { recursive: true }));

const small = (more: Partial<TrainOptions> = {}): Parameters<typeof trainModel>[0] => ({
  data,
  model: "dlrm",
  modelOptions: { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] },
  engine: "reference",
  batch: 50,
  learningRate: 0.5,
  epochs: 8,
  ...more,
});

test("training beats the constant predictor on held-out inputs", async () => {
  const report = await trainModel(small({ shuffle: "total" }));
  expect(report).toMatchObject({ steps: 96, inputs: 4800, switches: 0, schedulerTrace: null });
  expect(report.metrics.test).toMatchObject({ inputs: 160 });
  expect(report.metrics.test?.normalizedEntropy).toBeLessThan(0.9);
  expect(report.metrics.test?.auc).toBeGreaterThan(0.8);
  expect(report.lossCurve.at(-1)?.step).toBe(96);
});

test.each([
  ["dcnv2", { width: 4, bottomMlp: [8, 4], topMlp: [8, 1], crossLayers: 2, crossRank: 3 }],
  ["deepfm", { width: 5, topMlp: [8, 1] }],
] as const)("model %s learns, and its run scores the same again", async (model, modelOptions) => {
  const run = join(root, "runs", model);
  const report = await trainModel(small({ model, modelOptions, shuffle: "total", run }));
  expect(report.metrics.test?.auc).toBeGreaterThan(0.75);
  const again = await evaluateModel({ model: run, data, split: "test", engine: "reference", batch: 64, threads: 0 });
  expect(again.report.metrics.logLoss).toBeCloseTo(report.metrics.test?.logLoss ?? 0, 6);
});

test("a run directory holds report, metrics and a model that scores the same again", async () => {
  const run = join(root, "runs", "first");
  const report = await trainModel(small({ run, testEvery: 40, testInputs: 100 }));
  expect(readdirSync(run).sort()).toEqual(["metrics.jsonl", "model", "report.json"]);
  expect(JSON.parse(readFileSync(join(run, "report.json"), "utf8"))).toEqual(JSON.parse(JSON.stringify(report)));
  const lines = readFileSync(join(run, "metrics.jsonl"), "utf8").trim().split("\n");
  expect(lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === "test")).toMatchObject([
    { step: 40, askedBy: "interval", metrics: { inputs: 100 } },
    { step: 80, askedBy: "interval", metrics: { inputs: 100 } },
  ]);
  const again = await evaluateModel({ model: run, data, split: "test", engine: "reference", batch: 64, threads: 0 });
  expect(again.report).toMatchObject({ step: 96, metrics: { inputs: 160, auc: report.metrics.test?.auc } });
  expect(again.report.metrics.logLoss).toBeCloseTo(report.metrics.test?.logLoss ?? 0, 6);
});

test("a run keeps event files for TensorBoard, and stops when tests say so", async () => {
  const run = join(root, "runs", "followed");
  const followed = { tensorboard: true, testEvery: 1, stopPatience: 1, learningRate: 1e-9 };
  expect((await trainModel(small({ run, ...followed }))).steps).toBe(2);
  expect(readdirSync(join(run, "tensorboard"))).toHaveLength(1);
});

test("the same seed gives the same losses, another seed others", async () => {
  const curve = async (seed: number) => (await trainModel(small({ seed, epochs: 1 }))).lossCurve;
  expect(await curve(3)).toEqual(await curve(3));
  expect(await curve(3)).not.toEqual(await curve(4));
});

test("weights of a run are a start for another one", async () => {
  const run = join(root, "runs", "start");
  const first = await trainModel(small({ run }));
  const second = await trainModel(small({ init: join(run, "model"), maxBatches: 1, learningRate: 1e-9 }));
  expect(second.metrics.test?.logLoss).toBeCloseTo(first.metrics.test?.logLoss ?? 0, 6);
  expect(second.steps).toBe(1);
});

test("data without held-out inputs are trained on and left unscored", async () => {
  const trainOnly = writeSmallData(join(root, "train-only"), { inputs: { train: 100 } });
  const report = await trainModel(small({ data: trainOnly, epochs: 1 }));
  expect(report.metrics).toEqual({ val: null, test: null });
});

const refusals: [string, Partial<TrainOptions>, string][] = [
  ["a batch larger than the split", { batch: 601 }, "A batch of 601 inputs is larger than the training split"],
  ["a model for other data", { model: "rmc2", modelOptions: {} }, "Model 'rmc2' needs 13 dense features, 26 tables"],
  ["an unknown model", { model: "rmc9" }, "There is no model 'rmc9'"],
  ["an unknown engine", { engine: "referense" }, "There is no engine 'referense'. Did you mean 'reference'?"],
  ["a strategy that needs packed data", { strategy: "fae" }, "fae pack"],
  ["a decay inside the warm-up", { warmupSteps: 9, decayStart: 5, decaySteps: 3 }, "inside the warm-up"],
  ["early stop without tests", { stopPatience: 1 }, "there are none"],
  ["weights that are not there", { init: "/no/such/weights.safetensors" }, "cannot be opened"],
  ["data that are not there", { data: "/no/such/data" }, "not a prepared data set"],
];
test.each(refusals)("refuses %s and writes nothing", async (_, more, message) => {
  const run = join(root, "refused", "deep", "run");
  await expect(trainModel(small({ run, ...more }))).rejects.toThrow(message);
  expect(existsSync(join(root, "refused"))).toBe(false);
});

test("refuses to write over something that is there", async () => {
  await expect(trainModel(small({ run: data }))).rejects.toThrow("already exists");
});

test("a loss that explodes stops with step and table, and leaves nothing", async () => {
  const run = join(root, "exploded", "run");
  const error = await trainModel(small({ run, learningRate: 1e30 })).catch((e) => e);
  expect(error).toMatchObject({ code: "ERR_DIVERGED", details: { table: expect.stringContaining("emb_l") } });
  expect(error.message).toMatch(/step \d+/);
  expect(existsSync(join(root, "exploded"))).toBe(false);
});

test("an interruption leaves nothing", async () => {
  const run = join(root, "stopped", "run");
  const controller = new AbortController();
  const hooks = { signal: controller.signal, onEvent: () => controller.abort() };
  await expect(trainModel(small({ run, testEvery: 5 }), hooks)).rejects.toMatchObject({ code: "ERR_INTERRUPTED" });
  expect(existsSync(join(root, "stopped"))).toBe(false);
});
