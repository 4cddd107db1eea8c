import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPrepared, pack } from "@fae/datasets";
import { listCheckpoints, openCheckpoint, verifyCheckpoint } from "@fae/embedding-store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exportModel } from "../src/export/export-model.js";
import { writeSmallData } from "../src/test-data.js";
import { resumeTraining, trainModel } from "../src/train/train-model.js";

/** Of `scripts/fs-faults.mjs`, which is plain JavaScript: worker threads load it too. */
interface Faults {
  withFaults<T>(
    plan: { readonly n: number; readonly how: "once" | "full" | "short" | "short-full" },
    work: () => Promise<T>,
  ): Promise<{ readonly operations: number; readonly failed: number; readonly value?: T; readonly error?: unknown }>;
}
const script = new URL("../scripts/fs-faults.mjs", import.meta.url).href;
const { withFaults } = (await import(script)) as Faults;

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-faulty-"));
  writeSmallData(join(root, "data"), { tables: [400, 7, 3], inputs: { train: 200, val: 20 } });
});
afterAll(() => rmSync(root, { recursive: true }));

/** A full disk stays full here: nothing is gained by waiting for room. */
const patience = { roomSeconds: 0 };

const options = (run: string): Parameters<typeof trainModel>[0] => ({
  data: join(root, "data"),
  model: "dlrm",
  modelOptions: { width: 4, bottomMlp: [4], topMlp: [1] },
  engine: "reference",
  optimizer: "sgd",
  batch: 20,
  segmentBatches: 2,
  threads: 1,
  checkpointEvery: 2,
  fullEvery: 2,
  run,
});

function model(run: string): Buffer[] {
  const [step] = readdirSync(join(run, "model"));
  const folder = join(run, "model", step);
  return readdirSync(folder).flatMap((name) => (name === "manifest.json" ? [] : [readFileSync(join(folder, name))]));
}

// The sweep over every operation of every command is scripts/faults.mjs; these are samples of it.
test.each(["once", "full"] as const)("a write, fsync or rename that fails (%s) loses nothing", async (how) => {
  const whole = join(root, `whole-${how}`);
  const counted = await withFaults({ n: 0, how }, () => trainModel(options(whole), patience));
  expect(counted.error).toBeUndefined();
  expect(counted.operations).toBeGreaterThan(100);
  const run = join(root, "run");
  for (let n = 5; n <= counted.operations; n += 19) {
    const { failed, error } = await withFaults({ n, how }, () => trainModel(options(run), patience));
    expect(failed).toBeGreaterThan(0);
    expect(error).toMatchObject({ message: expect.stringMatching(/EIO|disk is full|stayed full|ENOSPC/) });
    for (const { path } of await listCheckpoints(join(run, "checkpoints"))) {
      await verifyCheckpoint(await openCheckpoint(path));
    }
    if (!existsSync(join(run, "report.json"))) await (existsSync(run) ? resumeTraining(run) : trainModel(options(run)));
    // The engine computes in float64, which a checkpoint rounds: a resumed run is like, not equal to, one in one piece.
    expect(model(run).map((bytes) => bytes.length)).toEqual(model(whole).map((bytes) => bytes.length));
    rmSync(run, { recursive: true });
    expect(readdirSync(root).filter((name) => name.startsWith("."))).toEqual([]);
  }
});

const packed = async (out: string) => {
  const data = await openPrepared(join(root, "data"));
  const counts = async () => data.tables.map(({ rows }) => new Uint32Array(rows));
  const hotRows = data.tables.map(() => 1);
  return pack({ data, counts, hotRows, madeFrom: data.digest, budgetBytes: 24, rowBytes: 8, directory: out });
};

test("a write that takes a part of what it is given loses nothing", async () => {
  const files = (directory: string): Buffer[] =>
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
  const out = join(root, "packed");
  const counted = await withFaults({ n: 0, how: "short" }, () => packed(out));
  const expected = files(out);
  expect(counted.operations).toBeGreaterThan(20);
  let short = 0;
  for (let n = 1; n <= counted.operations; n += 2) {
    rmSync(out, { recursive: true, force: true });
    const { failed, error } = await withFaults({ n, how: "short" }, () => packed(out));
    expect(error).toBeUndefined();
    short += failed;
    expect(files(out)).toEqual(expected);
    rmSync(out, { recursive: true });
    // The disk has room for half of the write and for nothing more.
    const full = await withFaults({ n, how: "short-full" }, () => packed(out));
    if (full.failed > 0) expect(full.error).toMatchObject({ message: expect.stringMatching(/disk .*full/) });
    if (existsSync(out)) expect(files(out)).toEqual(expected);
  }
  expect(short).toBeGreaterThan(5);
  const run = join(root, "short");
  const boarded = (name: string) => trainModel({ ...options(join(root, name)), tensorboard: true });
  const trained = await withFaults({ n: 0, how: "short" }, () => boarded("short"));
  const whole = model(run);
  const board = () => files(join(run, "tensorboard")).map((bytes) => bytes.length);
  const boardBytes = board();
  for (let n = 2; n <= trained.operations; n += 17) {
    rmSync(run, { recursive: true });
    expect((await withFaults({ n, how: "short" }, () => boarded("short"))).error).toBeUndefined();
    expect(model(run)).toEqual(whole);
    expect(board()).toEqual(boardBytes);
    const lines = readFileSync(join(run, "metrics.jsonl"), "utf8").split("\n").slice(0, -1);
    for (const line of lines) expect(() => JSON.parse(line)).not.toThrow();
  }
  rmSync(run, { recursive: true });
});

test.each(["safetensors", "onnx", "npz"] as const)("an export to %s is there whole or not at all", async (format) => {
  const run = join(root, `run-${format}`);
  await trainModel({ ...options(run), checkpointEvery: 0 });
  const out = join(root, `model.${format}`);
  const given = { model: run, format, out };
  const counted = await withFaults({ n: 0, how: "once" }, () => exportModel(given));
  const expected = readFileSync(out);
  for (let n = 1; n <= counted.operations; n += 6) {
    for (const ending of ["", ".data", ".json", ".keys.tsv"]) rmSync(`${out}${ending}`, { force: true });
    const { error } = await withFaults({ n, how: "full" }, () => exportModel(given));
    expect(error).toBeDefined();
    if (!existsSync(out)) await exportModel(given);
    expect(readFileSync(out)).toEqual(expected);
    expect(readdirSync(root).filter((name) => name.includes("partial"))).toEqual([]);
  }
});
