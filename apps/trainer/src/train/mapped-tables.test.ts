import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OutOfMemoryError } from "@fae/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeSmallData } from "../test-data.js";
import { loadEngine } from "./engines.js";
import { adviseMapping } from "./mapped-tables.js";
import type { TrainOptions } from "./options.js";
import { resumeTraining, trainModel } from "./train-model.js";

const hasCpu = await loadEngine("cpu").then(
  () => true,
  () => false,
);
let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-mapping-"));
  writeSmallData(join(root, "data"));
});
afterAll(() => rmSync(root, { recursive: true }));

const small = (more: Partial<TrainOptions>): Parameters<typeof trainModel>[0] => ({
  data: join(root, "data"),
  model: "dlrm",
  modelOptions: { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] },
  engine: "cpu",
  optimizer: "adagrad",
  batch: 50,
  learningRate: 0.1,
  threads: 1,
  segmentBatches: 4,
  ...more,
});

describe.skipIf(!hasCpu)("tables in files", () => {
  test("train to the same model, and are gone afterwards with what a killed process left", async () => {
    const mapped = join(root, "tables");
    mkdirSync(join(mapped, "fae-tables-999999999-1-0"), { recursive: true });
    mkdirSync(join(mapped, "mine"));
    const during: string[] = [];
    const onStart = (): void => void during.push(...readdirSync(mapped).sort());
    const { metrics, memory } = await trainModel(small({ mapped }), { onStart });
    const plain = await trainModel(small({}));
    expect(metrics).toEqual(plain.metrics);
    expect(memory.hostBytes).toBeLessThanOrEqual(plain.memory.hostBytes);
    expect(during).toEqual([expect.stringMatching(/^fae-tables-/), "mine"]);
    expect(readdirSync(mapped)).toEqual(["mine"]);
  });

  test("may be used by a run that is resumed", async () => {
    const run = join(root, "run");
    const controller = new AbortController();
    const onCheckpoint = (): void => controller.abort();
    const stopped = trainModel(small({ run, checkpointEvery: 4 }), { signal: controller.signal, onCheckpoint });
    await expect(stopped).rejects.toMatchObject({ code: "ERR_INTERRUPTED" });
    expect(await resumeTraining(run, { mapped: join(root, "tables") })).toMatchObject({ steps: 12 });
  });
});

test("an engine without them refuses, and leaves no directory", async () => {
  const mapped = join(root, "none");
  await expect(trainModel(small({ engine: "reference", mapped }))).rejects.toThrow("cannot keep table");
  expect(readdirSync(mapped)).toEqual([]);
});

test("a lack of memory names the option", () => {
  const lack = new OutOfMemoryError("Host memory is too small. Use a smaller model or keep tables in a mapped file.");
  expect(adviseMapping(lack)).toMatchObject({ message: expect.stringContaining("--mapped <dir>") });
  const other = new Error("other");
  expect(adviseMapping(other)).toBe(other);
});
