import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listCheckpoints, openCheckpoint, verifyCheckpoint } from "@fae/embedding-store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exportModel } from "../src/export/export-model.js";
import { writeSmallData } from "../src/test-data.js";
import { resumeTraining, trainModel } from "../src/train/train-model.js";

/** Of `scripts/fs-faults.mjs`, which is plain JavaScript: worker threads load it too. */
interface Faults {
  withFaults<T>(
    plan: { readonly n: number; readonly how: "once" | "full" },
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
  const counted = await withFaults({ n: 0, how }, () => trainModel(options(whole)));
  expect(counted.error).toBeUndefined();
  expect(counted.operations).toBeGreaterThan(100);
  const run = join(root, "run");
  for (let n = 5; n <= counted.operations; n += 19) {
    const { failed, error } = await withFaults({ n, how }, () => trainModel(options(run)));
    expect(failed).toBeGreaterThan(0);
    expect(error).toMatchObject({ message: expect.stringMatching(/EIO|disk is full|ENOSPC/) });
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

test.each(["safetensors", "onnx", "npz"] as const)("an export to %s is there whole or not at all", async (format) => {
  const run = join(root, `run-${format}`);
  await trainModel({ ...options(run), checkpointEvery: 0 });
  const out = join(root, `model.${format}`);
  const given = { model: run, format, out };
  const counted = await withFaults({ n: 0, how: "once" }, () => exportModel(given));
  const expected = readFileSync(out);
  for (let n = 1; n <= counted.operations; n += 6) {
    rmSync(out, { force: true });
    rmSync(`${out}.data`, { force: true });
    const { error } = await withFaults({ n, how: "full" }, () => exportModel(given));
    expect(error).toBeDefined();
    if (!existsSync(out)) await exportModel(given);
    expect(readFileSync(out)).toEqual(expected);
    expect(readdirSync(root).filter((name) => name.includes("partial"))).toEqual([]);
  }
});
