import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strideWords } from "@fae/core";
import { openPrepared } from "@fae/datasets";
import { listCheckpoints, openCheckpoint, openSafetensors } from "@fae/embedding-store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeSmallData } from "../test-data.js";
import { loadEngine } from "./engines.js";
import type { TrainOptions } from "./options.js";
import { explodedWeight, soundReads } from "./sound.js";
import { trainText } from "./summary.js";
import { resumeTraining, trainModel } from "./train-model.js";

const engine = await loadEngine("cpu").then(
  () => "cpu",
  () => "reference",
);

let root = "";
let names = 0;
const fresh = (): string => join(root, `run-${names++}`);
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-diverged-"));
  writeSmallData(join(root, "data"));
  writeSmallData(join(root, "wide"), { tables: new Array<number>(26).fill(30) });
});
afterAll(() => rmSync(root, { recursive: true }));

const small = (more: Partial<TrainOptions> = {}): Parameters<typeof trainModel>[0] => ({
  data: join(root, "data"),
  model: "dlrm",
  modelOptions: { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] },
  engine,
  optimizer: "sgd",
  batch: 50,
  segmentBatches: 1,
  threads: 1,
  ...more,
});

/** Explodes at step 161, after a warm-up over more steps than that. */
const exploding = (more: Partial<TrainOptions> = {}) =>
  small({
    data: join(root, "wide"),
    modelOptions: { width: 4, bottomMlp: [16, 4], topMlp: [16, 1] },
    batch: 10,
    learningRate: 30,
    warmupSteps: 400,
    epochs: 6,
    ...more,
  });

const caught = (training: Promise<unknown>) =>
  training.then(
    () => null,
    (error) => error,
  );

/** Writes one dense value of one input of a split. */
async function withDense(name: string, split: string, input: number, value: number): Promise<string> {
  const directory = writeSmallData(join(root, name));
  const { layout } = await openPrepared(directory);
  const bytes = readFileSync(join(directory, `${split}.rows`));
  bytes.writeFloatLE(value, 4 * (input * strideWords(layout) + 1));
  writeFileSync(join(directory, `${split}.rows`), bytes);
  return directory;
}

describe("an update that leaves a damaged model", () => {
  test.each([
    ["the last one, of data with held-out inputs", {}],
    ["the last one, of data without", { data: "train-only" }],
    ["one whose weights are finite", { learningRate: 1e7 }],
  ] satisfies [string, Partial<TrainOptions>][])("is an error, and no model is written: %s", async (_, more) => {
    const data =
      "data" in more ? writeSmallData(join(root, "train-only"), { inputs: { train: 600 } }) : join(root, "data");
    const run = fresh();
    const training = trainModel(small({ learningRate: 1e30, maxBatches: 1, run, ...more, data }));
    await expect(training).rejects.toMatchObject({ code: "ERR_DIVERGED" });
    expect(existsSync(run)).toBe(false);
  });

  test("is no checkpoint: the one before it stays, also where one is kept", async () => {
    const run = fresh();
    const error = await caught(
      trainModel(exploding({ run, learningRate: 1000, checkpointEvery: 1, keepCheckpoints: 1, fullEvery: 1 })),
    );
    expect(error).toMatchObject({ code: "ERR_DIVERGED", details: { learningRate: expect.any(Number) } });
    expect(await listCheckpoints(join(run, "checkpoints"))).toHaveLength(1);
    for (const { path } of await listCheckpoints(join(run, "checkpoints"))) {
      const { manifest } = await openCheckpoint(path);
      for (const { name, tensors } of manifest.files) {
        await using file = await openSafetensors(join(path, name));
        for (const tensor of tensors)
          if (!tensor.includes("#"))
            expect(Math.max(...(await file.floats(tensor)).map(Math.abs))).toBeLessThan(explodedWeight);
      }
    }
  });
});

describe("the message", () => {
  test("names the rate of the step, advises no warm-up where there is one, and its command works", async () => {
    const run = fresh();
    const error = await caught(trainModel(exploding({ run, checkpointEvery: 50 })));
    const { step, learningRate } = error.details;
    expect(learningRate).toBeCloseTo((30 * step) / 400, 6);
    expect(error.message).toContain(`The learning rate of that step was ${+learningRate.toPrecision(6)}.`);
    expect(error.message).not.toContain("warm-up");
    const [, from, path, lr] =
      /the checkpoint of step (\d+) .*fae train --resume (\S+) --lr (\S+)\.$/.exec(error.message) ?? [];
    expect(path).toBe(run);
    const report = await resumeTraining(path, { learningRate: Number(lr) / 10 });
    expect(report.rateChanges).toEqual([{ step: Number(from), from: 30, to: Number(lr) / 10 }]);
    expect(trainText(report)).toContain(`learning rate 30 until batch ${from}, then ${Number(lr) / 10}`);
    const starts = readFileSync(join(run, "metrics.jsonl"), "utf8")
      .split("\n")
      .filter((line) => line.includes('"start"'));
    expect(starts.map((line) => JSON.parse(line).learningRate)).toEqual([30, Number(lr) / 10]);
  });

  test("names an earlier checkpoint when the newest led there before", async () => {
    const run = fresh();
    await caught(trainModel(exploding({ run, checkpointEvery: 50, keepCheckpoints: 3 })));
    const all = await listCheckpoints(join(run, "checkpoints"));
    const again = await caught(resumeTraining(run));
    expect(again.message).toContain(`--resume ${all.at(-2)?.path} --lr`);
    const report = await resumeTraining(all.at(-2)?.path ?? "", { learningRate: 0.01 });
    expect(report.resumedAt).toEqual([all.at(-2)?.step]);
  });

  test("without checkpoints advises a rate, and a warm-up where there is none", async () => {
    const error = await caught(trainModel(small({ learningRate: 1e5, epochs: 9 })));
    expect(error.message).toContain("Train again with a lower rate: --lr 10000, or with --warmup-steps.");
  });

  test.each(["train", "val", "test"])(
    "blames a value that is no number, in split %s, and not the rate",
    async (split) => {
      const data = await withDense(`broken-${split}`, split, 17, Number.NaN);
      const error = await caught(trainModel(small({ data, learningRate: 0.1, run: fresh() })));
      expect(error).toMatchObject({ code: "ERR_DATA" });
      expect(error.message).toContain(`Dense feature 0 of input 17 of '${split}' is NaN`);
      expect(error.message).not.toContain("--lr");
    },
  );

  test("mentions a dense feature that is far larger than any should be", async () => {
    const data = await withDense("large", "train", 60, 1e38);
    const error = await caught(trainModel(exploding({ data, batch: 50 })));
    expect(error).toMatchObject({ code: "ERR_DIVERGED" });
    expect(error.message).toContain("Dense feature 0 has values up to 1e+38: prepare the data with their logarithms");
  });
});

test("reads of what is saved look at every value, and at state for what is not finite", async () => {
  const values = Float32Array.of(1, 2, 3, 4, 5, 6);
  const reads = soundReads({ read: async () => values });
  const rows = Uint32Array.of(7, 9);
  expect(await reads.read("a", rows)).toBe(values);
  values[4] = explodedWeight * 2;
  await expect(reads.read("a", rows)).rejects.toThrow("'a', row 9, is 20000, beyond 10000");
  expect(await reads.read("a#accumulator", rows)).toBe(values);
  expect(await reads.read("#step")).toBe(values);
  values[2] = Number.NaN;
  await expect(reads.read("a#accumulator", rows)).rejects.toThrow(
    "Optimizer state 'accumulator' of 'a', row 7, is NaN",
  );
  await expect(reads.read("top", undefined)).rejects.toThrow("'top' is NaN");
});
