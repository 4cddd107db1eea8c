import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPrepared, prepare, readManifest, writeManifest } from "@fae/datasets";
import { openCheckpoint, openSafetensors, saveCheckpoint } from "@fae/embedding-store";
import { profile, writeProfile } from "@fae/profiler";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportModel } from "../export/export-model.js";
import { importWeights } from "../export/import-weights.js";
import { packData } from "../pack/pack-data.js";
import { openModel } from "../predict/open-model.js";
import { predictScores } from "../predict/predict-scores.js";
import { openSaved } from "../predict/saved-model.js";
import { evaluateModel } from "./evaluate-model.js";
import { openData } from "./model-state.js";
import type { TrainReport } from "./report.js";
import { resumeTraining, trainModel } from "./train-model.js";

let root = "";
const at = (...parts: string[]): string => join(root, ...parts);
const days = 7;
const inputs = 140;

/** Lines of a log; another order gives the same keys other ids. */
function lines(keyOf: (line: number, column: number) => number): string {
  return Array.from({ length: inputs }, (_, line) => {
    const counts = Array.from({ length: 13 }, (_, i) => (line + i) % 5);
    const keys = Array.from({ length: 26 }, (_, c) => keyOf(line, c).toString(16).padStart(8, "0"));
    return `${[line % 3 === 0 ? 1 : 0, ...counts, ...keys].join("\t")}\n`;
  }).join("");
}

const modelOptions = { width: 4, bottomMlp: [4], topMlp: [4, 1] };
const train = (data: string, more: object = {}) =>
  trainModel({ data: at(data), model: "dlrm", modelOptions, engine: "reference", batch: 40, ...more });

async function prepared(name: string, text: string, hash = false): Promise<void> {
  writeFileSync(at(`${name}.txt`), text);
  const ids = hash ? ({ ids: "hash", maxRowsPerTable: 20 } as const) : {};
  await prepare({ format: "criteo-kaggle", files: [at(`${name}.txt`)], directory: at(name), workers: 1, days, ...ids });
}

async function profiled(name: string): Promise<void> {
  const made = await profile({
    data: await openData(at(name)),
    width: 4,
    stateValues: 0,
    budgetBytes: 1000,
    smallTableBytes: 0,
  });
  await writeProfile(at(`${name}-profile`), made);
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fae-doors-"));
  const key = (line: number, column: number) => (line % 11) * 26 + column + 1;
  await prepared("day1", lines(key));
  await prepared(
    "reversed",
    lines((line, column) => key(inputs - 1 - line, column)),
  );
  await prepared(
    "longer",
    lines((line, column) => (line % 12) * 26 + column + 1),
  );
  await prepared("hashed1", lines(key), true);
  await prepared(
    "hashed2",
    lines((line, column) => key(3 * line + 5, column) * 7),
    true,
  );
  for (const name of ["day1", "hashed1"]) await profiled(name);
  await packData({ data: at("day1"), profile: at("day1-profile"), out: at("packed") });
  await train("day1", { run: at("run"), checkpointEvery: 1, segmentBatches: 1 });
  await train("hashed1", { run: at("hashed-run") });
});
afterAll(() => rmSync(root, { recursive: true }));

const evaluate = (model: string, data: string) =>
  evaluateModel({ model: at(model), data: at(data), split: "train", engine: "reference", batch: 40, threads: 1 });

/** Every way in which weights meet data. */
const doors: Record<string, (data: string) => Promise<unknown>> = {
  "train --init": (data) => train(data, { init: at("run"), maxBatches: 1 }),
  "train --init of a safetensors file": async (data) => {
    const out = at(`init-${data}.safetensors`);
    await exportModel({ model: at("run"), format: "safetensors", out });
    return train(data, { init: out, maxBatches: 1 });
  },
  evaluate: (data) => evaluate("run", data),
  predict: (data) => predictScores({ model: at("run"), from: "test", data: at(data), write: () => {} }),
  openModel: async (data) => {
    await using model = await openModel(at("run"), { data: at(data) });
    expect(model.step).toBeGreaterThan(0);
  },
  "predict of raw lines": (data) =>
    predictScores({
      model: at("run"),
      from: { format: "criteo-kaggle", text: at("day1.txt") },
      data: at(data),
      write: () => {},
    }),
  import: async (data) => {
    const weights = at(`import-${data}.safetensors`);
    await exportModel({ model: at("run"), format: "safetensors", out: weights });
    return importWeights({ weights, model: "dlrm", modelOptions, data: at(data), out: at(`imported-${data}`) });
  },
  export: (data) => exportModel({ model: at("run"), format: "npz", out: at(`export-${data}.npz`), data: at(data) }),
};

describe.each(Object.entries(doors))("%s", (_, door) => {
  test("takes a pack of the same log", async () => {
    await door("packed");
  });

  test.each([
    [
      "reversed",
      /table 'C1' has a vocabulary of 11 keys \(digest .{12}\), expected a vocabulary of 11 keys .*26 of 26/,
    ],
    ["hashed1", /table 'C1' has a vocabulary of 11 keys .*, expected keys modulo 20/],
    ["longer", /a vocabulary of 11 keys .*, expected a vocabulary of 12 keys/],
  ])("refuses ids of %s, naming the table and how they differ", async (data, message) => {
    await expect(door(data)).rejects.toThrow(message);
  });
});

test("a hashed model scores another day of the same hash, and not of another", async () => {
  expect((await evaluate("hashed-run", "hashed2")).evaluation.inputs).toBe(120);
  await train("hashed2", { init: at("hashed-run"), maxBatches: 1 });
  await packData({ data: at("hashed2"), profile: at("hashed1-profile"), out: at("hashed2-packed") });
  const packed = await evaluate("hashed-run", "hashed2-packed");
  const plain = await evaluate("hashed-run", "hashed2");
  expect(packed.report.metrics).toEqual(plain.report.metrics);
});

test("a profile packs data of its ids only", async () => {
  await expect(packData({ data: at("reversed"), profile: at("day1-profile"), out: at("no") })).rejects.toThrow(
    /not of the ids of '.*reversed': table 'C1' has a vocabulary/,
  );
});

test("an interrupted run goes on over a pack and not over other ids", async () => {
  const controller = new AbortController();
  const run = at("stopped");
  const hooks = { signal: controller.signal, onCheckpoint: () => controller.abort() };
  const more = { run, checkpointEvery: 1, segmentBatches: 1, epochs: 3 };
  const stopped = trainModel(
    { data: at("day1"), model: "dlrm", modelOptions, engine: "reference", batch: 40, ...more },
    hooks,
  );
  await expect(stopped).rejects.toMatchObject({ code: "ERR_INTERRUPTED" });
  await expect(resumeTraining(run, { data: at("reversed") })).rejects.toThrow("table 'C1' has a vocabulary of 11 keys");
  expect((await resumeTraining(run, { data: at("packed") })).steps).toBe(9);
});

test("digests are those of the keys: packs, exports and checkpoints carry the same", async () => {
  const expected = (await openPrepared(at("day1"))).ids;
  expect(expected?.tables).toHaveLength(26);
  expect(expected?.tables[0]).toMatchObject({ table: "C1", rows: 11, rule: "vocabulary", modulo: null });
  expect((await openPrepared(at("packed"))).ids).toEqual(expected);
  expect((await openSaved(at("run"))).checkpoint.manifest.ids).toEqual(expected);
  expect((await openPrepared(at("hashed1"))).ids).toEqual((await openPrepared(at("hashed2"))).ids);
  const out = at("digests.safetensors");
  await exportModel({ model: at("run"), format: "safetensors", out });
  await using file = await openSafetensors(out);
  const tables = JSON.parse(file.metadata.fae).ids.tables as { digest: string }[];
  expect(tables.map(({ digest }) => digest)).toEqual(expected?.tables.map(({ digest }) => digest));
});

test("of an older data set, packed or not, they are worked out", async () => {
  const expected = (await openPrepared(at("day1"))).ids;
  for (const name of ["day1", "packed", "hashed1"]) {
    const manifest = await readManifest(at(name));
    const text = readFileSync(at(name, "manifest.json"));
    writeManifest(at(name), { ...manifest, tables: manifest.tables.map(({ ids: _, ...table }) => table) });
    const old = await openPrepared(at(name));
    expect(old.ids).toBeNull();
    const found = (await openData(at(name))).ids;
    expect(found).toEqual(name === "hashed1" ? (await openPrepared(at("hashed2"))).ids : expected);
    if (name === "packed") await evaluate("run", name);
    writeFileSync(at(name, "manifest.json"), text);
  }
});

test("an older checkpoint goes with its own data set and no other", async () => {
  const saved = await openSaved(at("run"));
  const { program, optimizer, state, data } = saved.checkpoint.manifest;
  await using table = await openSafetensors(join(saved.checkpoint.path, "table-0000.safetensors"));
  expect(table.tensors.size).toBeGreaterThan(0);
  const session = { read: async (name: string) => (name === "#step" ? Float32Array.of(0, 0) : zeros(name)) };
  const shapes = new Map([
    ...program.tables.map(({ name, rows }) => [name, rows * program.width] as const),
    ...program.params.map(({ name, shape }) => [name, shape.reduce((product, n) => product * n, 1)] as const),
  ]);
  const zeros = (name: string) => new Float32Array(shapes.get(name) ?? 0);
  await saveCheckpoint(at("old"), { session, program: saved.program, optimizer, state, data: data ?? "" });
  expect((await openCheckpoint(at("old"))).manifest.ids).toBeUndefined();
  await evaluate("old", "packed");
  await expect(evaluate("old", "reversed")).rejects.toThrow("does not say what its ids mean");
  await expect(train("reversed", { init: at("old") })).rejects.toThrow("does not say what its ids mean");
});

test("--init says what it takes; with state it goes on as if it had not stopped", async () => {
  const told: string[] = [];
  const options = { model: "dlrm", modelOptions, engine: "reference", batch: 40, optimizer: "adagrad" } as const;
  const schedule = { warmupSteps: 5, learningRate: 0.3 };
  await trainModel({ ...options, ...schedule, data: at("day1"), run: at("first") });
  const go = (more: object) =>
    trainModel(
      { ...options, ...schedule, data: at("day1"), init: at("first"), ...more },
      { log: (line) => told.push(line) },
    );
  const plain = await go({});
  expect(told.join("\n")).toMatch(/weights of .*, step 3; not its optimizer state and place in the rate schedule/);
  const whole = await go({ initWithState: true });
  expect(told.join("\n")).toMatch(/weights, optimizer state and place in the rate schedule of .*, step 3/);
  const twice = await trainModel({ ...options, ...schedule, data: at("day1"), epochs: 2, segmentBatches: 3 });
  // The reference engine computes in float64, checkpoints are float32.
  const lossOf = (report: TrainReport) => report.lossCurve.at(-1)?.loss ?? Number.NaN;
  expect(Math.abs(lossOf(whole) - lossOf(twice))).toBeLessThan(1e-8);
  expect(Math.abs(lossOf(plain) - lossOf(twice))).toBeGreaterThan(1e-5);
  await expect(go({ init: null, initWithState: true })).rejects.toMatchObject({ code: "ERR_CONFIG" });
  await exportModel({ model: at("first"), format: "safetensors", out: at("first.safetensors") });
  await expect(go({ init: at("first.safetensors"), initWithState: true })).rejects.toThrow("no optimizer state");
});
