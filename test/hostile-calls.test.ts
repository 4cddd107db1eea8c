import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as bench from "../apps/bench/src/index.js";
import * as trainer from "../apps/trainer/src/index.js";
import * as core from "../packages/core/src/index.js";
import * as datasets from "../packages/datasets/src/index.js";
import * as store from "../packages/embedding-store/src/index.js";
import * as gpu from "../packages/gpu-backend/src/index.js";
import * as models from "../packages/models/src/index.js";
import * as profiler from "../packages/profiler/src/index.js";
import * as scheduler from "../packages/scheduler/src/index.js";

const packages = { core, datasets, store, gpu, models, profiler, scheduler, trainer, bench };

/**
 * Calculations over arrays, and over values that other calls returned, and what the packages share of the disk: their types are
 * their contract, and training asks some of them for every row. Every other export takes what a user writes, and checks it.
 */
const calculations: Readonly<Record<string, string>> = {
  core: `idColumns idsPerStep strideBytes strideWords compile differentiate initialParameter initialRow crossEntropy score
    lossGradient meanLoss auc metrics opOf interactionPairs popularRows denseShape elements rowsShape nameKey normals permutation
    philox uniformRow unit referenceNetwork plainRefusals planProblems residencyOf checkLayout stepOf stepValues errorFromMessage
    errorToMessage coldRowFlow distinctRowCount evaluationBytes predictSwitches predictTraffic switchBytes trainingBytes
    checkArguments checkOptions suggestion checkSegment jobProblems correctedScore groupedAuc meanCrossEntropy idDifference
    existing isOtherAlive makeDirectory naming syncPath writeFully writeFullyTo readSmallFile`,
  datasets: "manifestDigest lineParser rejectOf logForm idsOfKeys originalKeys pathText rowRejectText",
  store: `formatBytes hotSetBytes checkpointBytes baseReference programDigest composeOrders inverseOrder popularityOrder
    expectSameIds finiteWeights keysTensor`,
  models: "describeProgram parameterCount onnxModel dataShape referenceShape interactionWidth headSteps",
  profiler: "countOfCounts accessCurve hotRowBits isHotRow hotInputShare checkProfile profileHtml profileText",
  scheduler: "adjustRate",
  // `runProcess` ends the process that calls it.
  trainer: `interrupted usageError planText eventScalars evaluationMetrics hotShare latencyTable metricsTable trafficTable
    trainText allBytes embeddingBytes visible runProcess`,
};

type Call = (...given: unknown[]) => unknown;
const isClass = (value: object) => /^class\b/.test(Function.prototype.toString.call(value));
const calls = Object.entries(packages).flatMap(([name, exported]) => {
  const skipped = new Set(calculations[name]?.split(/\s+/));
  return Object.entries(exported).flatMap(([key, value]) =>
    typeof value === "function" && !isClass(value) && !skipped.has(key)
      ? [[`${name}.${key}`, value as Call] as const]
      : [],
  );
});

const values: readonly unknown[] = [
  ...[undefined, null, true, "", "no such thing", Symbol("x"), 5n, () => {}],
  ...[Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, 2 ** 53],
  ...[{}, { noSuchOption: 1 }, [], [null], Object.create(null), new Date(0), new Float32Array(3), new Uint32Array(3)],
];

/** The least that each call with options accepts; paths lead nowhere. */
const least: Readonly<Record<string, object>> = {
  "trainer.trainModel": { data: "nowhere", model: "rmc2" },
  "trainer.trainOptions": { data: "nowhere", model: "rmc2" },
  "trainer.planRun": { data: "nowhere", model: "rmc2" },
  "trainer.evaluateModel": { model: "nowhere", data: "nowhere" },
  "trainer.exportModel": { model: "nowhere", format: "npz", out: "out.npz" },
  "trainer.importWeights": { weights: "nowhere", model: "rmc2", data: "nowhere", out: "out" },
  "trainer.packData": { data: "nowhere", profile: "nowhere", out: "out" },
  "trainer.predictScores": { model: "nowhere", from: "test", write: () => {} },
  "datasets.prepare": { format: "criteo-kaggle", files: ["nowhere"], directory: "out" },
  "datasets.synthesize": {
    source: "criteo-kaggle",
    format: "raw",
    directory: "log",
    rows: 50,
    scale: 0.001,
    workers: 1,
  },
  "datasets.prepareSchema": {
    log: datasets.defineLog({ files: "nowhere", format: "csv", label: "y", tables: ["a"], split: { by: "none" } }),
    directory: "out",
  },
  "datasets.importNpz": { format: "criteo-kaggle", file: "nowhere", directory: "out" },
  "datasets.importParquet": { files: { train: "nowhere" }, directory: "out" },
  "datasets.importSeriesNpz": { files: { train: "a", val: "b", test: "c" }, directory: "out", tableRows: [2, 2, 2] },
  "datasets.importTerabyteBinary": { files: { train: "nowhere" }, counts: [1], directory: "out" },
  "models.dlrm": { tableRows: [4], width: 2, denseFeatures: 1, bottomMlp: [2], topMlp: [1] },
};

/** What comes out of a call, awaited; null when nothing is thrown. */
async function errorOf(call: Call, given: readonly unknown[]): Promise<unknown> {
  try {
    const out = await call(...given);
    if (typeof out === "object" && out !== null && "next" in out) await (out as Iterator<unknown>).next();
    return null;
  } catch (error) {
    return error;
  }
}

const isOurs = (error: unknown) => error === null || error instanceof core.FaeError;
const shown = (given: readonly unknown[]) =>
  given.map((value) =>
    typeof value === "object" ? JSON.stringify(value, (_, v) => (typeof v === "bigint" ? `${v}n` : v)) : String(value),
  );

/** The options of a call, as it lists them when it is given another. */
async function optionsOf(call: Call, rest: readonly unknown[] = []): Promise<string[]> {
  const error = await errorOf(call, [{ qqqqqqqqqqqq: 1 }, ...rest]);
  return error instanceof core.ConfigError ? (/Known: (.*)\.$/.exec(error.message)?.[1].split(", ") ?? []) : [];
}

const before = process.cwd();
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "fae-hostile-"));
  process.chdir(directory);
});
afterAll(() => {
  process.chdir(before);
  rmSync(directory, { recursive: true, force: true });
});

describe("whatever a call is given, what it throws is an error of ours", () => {
  test("as its arguments", async () => {
    const others: string[] = [];
    for (const [name, call] of calls)
      for (const value of values)
        for (const rest of [[], [null, null, null], [{ noSuchOption: 1 }, { noSuchOption: 1 }]]) {
          const error = await errorOf(call, [value, ...rest]);
          if (!isOurs(error)) others.push(`${name}(${shown([value, ...rest])}): ${error}`);
        }
    expect(others).toEqual([]);
    expect(calls.length).toBeGreaterThan(60);
  });

  test("as any one of its options, and a misspelt option is refused with the right one", async () => {
    const others: string[] = [];
    for (const [name, call] of calls) {
      const usual = least[name];
      if (usual === undefined) continue;
      const options =
        name === "trainer.planRun" ? await optionsOf(trainer.trainOptions as Call) : await optionsOf(call);
      expect(options.length, name).toBeGreaterThan(2);
      for (const option of options) {
        for (const value of values) {
          const error = await errorOf(call, [{ ...usual, [option]: value }]);
          if (!isOurs(error)) others.push(`${name}({ ${option}: ${shown([value])} }): ${error}`);
        }
        const error = await errorOf(call, [{ ...usual, [`${option}x`]: 1 }]);
        const message = `unknown option '${option}x'. Did you mean '${option}'?`;
        if (!(error instanceof core.ConfigError && error.message.endsWith(message)))
          others.push(`${name}({ ${option}x }): ${error}`);
      }
    }
    expect(others).toEqual([]);
  });
});

test("a wrong option is named with the call, its value and what is expected", async () => {
  const usual = { data: "nowhere", model: "rmc2" };
  for (const [given, message] of [
    [{ lr: 5, epoch: 3 }, "trainModel: unknown option 'lr'. Did you mean 'learningRate'?"],
    [
      { optimizer: "Adam" },
      "trainModel: optimizer is 'Adam', expected one of sgd, adagrad, rowwise-adagrad, adam. Did you mean 'adam'?",
    ],
    [{ shuffle: "yes" }, "trainModel: shuffle is 'yes', expected one of none, total."],
    [{ seed: -3 }, "trainModel: seed is -3, expected a whole number from 0 to 4294967295. Set seed to such a value."],
    [{ run: 5 }, "trainModel: run is 5, expected some text, or null."],
    [{ batch: "16" }, "trainModel: batch is '16', expected a whole number of at least 1."],
    [{ data: undefined }, "trainModel: data is missing, expected some text."],
  ] as const)
    await expect(trainer.trainModel({ ...usual, ...given } as never)).rejects.toThrow(message);
  await expect(trainer.trainModel(5 as never)).rejects.toThrow("trainModel takes an object of options, found 5.");
  await expect(trainer.trainModel(usual, { onProgres() {} } as never)).rejects.toThrow("Did you mean 'onProgress'?");
  await expect(
    datasets.prepare({ format: "criteo-kaggle", files: "train.txt", directory: "b" } as never),
  ).rejects.toThrow("prepare: files is 'train.txt', expected a list.");
  await expect(trainer.exportModel({ model: "r", format: "pt", out: "m.pt" } as never)).rejects.toThrow(
    "exportModel: format is 'pt', expected one of safetensors, onnx, npz.",
  );
});

test("every engine refuses what is no job", async () => {
  for (const engine of [core.referenceEngine(), await gpu.tfjsEngine("cpu").catch(() => core.referenceEngine())])
    for (const value of values) expect(await errorOf(engine.open as Call, [value])).toBeInstanceOf(core.FaeError);
});
