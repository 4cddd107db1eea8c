import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listCheckpoints, openCheckpoint, verifyCheckpoint } from "@fae/embedding-store";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { exportModel } from "../export/export-model.js";
import { openModel } from "../predict/open-model.js";
import { writeSmallData } from "../test-data.js";
import type { CheckpointEvent } from "./checkpoints.js";
import type { TrainOptions } from "./options.js";
import { resumeTraining, type TrainHooks, trainModel } from "./train-model.js";

let root = "";
let names = 0;
const fresh = (): string => join(root, `run-${names++}`);
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-checkpoints-"));
  writeSmallData(join(root, "data"), { tables: [3000, 7, 3] });
});
afterAll(() => rmSync(root, { recursive: true }));

const small = (more: Partial<TrainOptions>): Parameters<typeof trainModel>[0] => ({
  data: join(root, "data"),
  model: "dlrm",
  modelOptions: { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] },
  engine: "reference",
  optimizer: "adagrad",
  batch: 10,
  segmentBatches: 4,
  threads: 1,
  checkpointEvery: 4,
  ...more,
});

function model(run: string): Buffer[] {
  const [step] = readdirSync(join(run, "model"));
  return readdirSync(join(run, "model", step)).map((name) => readFileSync(join(run, "model", step, name)));
}

/** A run that is interrupted at a step, with its checkpoints. */
async function interrupted(steps: number, more: Partial<TrainOptions>, hooks: TrainHooks = {}) {
  const run = fresh();
  const controller = new AbortController();
  const events: CheckpointEvent[] = [];
  const training = trainModel(small({ run, ...more }), {
    ...hooks,
    signal: controller.signal,
    onEvent: ({ step }) => step >= steps && controller.abort(),
    onCheckpoint: (event) => events.push(event),
  });
  await expect(training).rejects.toThrow("interrupted");
  return { run, events };
}

test("full ones come every so often; those between hold changed rows, and their base is kept", async () => {
  const { run, events } = await interrupted(32, { fullEvery: 4, keepCheckpoints: 2 });
  expect(events.map(({ step, holds }) => [step, holds])).toEqual([
    [4, "all"],
    ...[8, 12, 16].map((step) => [step, "changed"]),
    [20, "all"],
    ...[24, 28, 32].map((step) => [step, "changed"]),
  ]);
  const [full, ...changed] = events.slice(0, 4).map(({ bytes }) => bytes);
  expect(Math.max(...changed)).toBeLessThan(full / 3);
  const kept = await listCheckpoints(join(run, "checkpoints"));
  expect(kept.map(({ step }) => step)).toEqual([20, 28, 32]);
  for (const { path } of kept) await verifyCheckpoint(await openCheckpoint(path));
});

test("it is checkpoints that are counted, also after a resumption, and where segments are longer than the interval", async () => {
  const { run, events } = await interrupted(24, {
    checkpointEvery: 1,
    segmentBatches: 4,
    fullEvery: 3,
    keepCheckpoints: 9,
  });
  const whole = await interrupted(44, { checkpointEvery: 1, segmentBatches: 4, fullEvery: 3 });
  const stopped = new AbortController();
  const resumed = resumeTraining(
    run,
    {},
    {
      signal: stopped.signal,
      onEvent: ({ step }) => step >= 44 && stopped.abort(),
      onCheckpoint: (event) => events.push(event),
    },
  );
  await expect(resumed).rejects.toThrow("interrupted");
  const holds = (of: readonly CheckpointEvent[]) => of.map((event) => [event.step, event.holds]);
  expect(holds(events)).toEqual(holds(whole.events));
  expect(holds(events).slice(0, 4)).toEqual([
    [4, "all"],
    [8, "changed"],
    [12, "changed"],
    [16, "all"],
  ]);
});

test("an event names a checkpoint that is there", async () => {
  const { events } = await interrupted(12, { keepCheckpoints: 9 }, {});
  expect(events.map(({ path }) => existsSync(path))).toEqual(events.map(() => true));
});

test("checkpoints of most rows are full", async () => {
  writeSmallData(join(root, "dense"), { tables: [20, 7, 3] });
  const { events } = await interrupted(8, { data: join(root, "dense"), batch: 50 });
  expect(events.map(({ holds }) => holds)).toEqual(events.map(() => "all"));
});

test("a resumed run builds on the full one that it found", async () => {
  const { run } = await interrupted(12, { fullEvery: 100 });
  const events: CheckpointEvent[] = [];
  await resumeTraining(run, {}, { onCheckpoint: (event) => events.push(event) });
  expect(new Set(events.map(({ holds }) => holds))).toEqual(new Set(["changed"]));
  // Rows of before the interruption are in them too: the last one is restored to the end of the run.
  const other = await interrupted(12, { fullEvery: 100 });
  const stopped = new AbortController();
  const again = resumeTraining(
    other.run,
    {},
    { signal: stopped.signal, onEvent: ({ step }) => step >= 40 && stopped.abort() },
  );
  await expect(again).rejects.toThrow("interrupted");
  const found = await openCheckpoint(join(other.run, "checkpoints"));
  expect([found.manifest.step, found.base?.manifest.step]).toEqual([40, 4]);
  const bytes = events.map((event) => event.bytes);
  expect(bytes).toEqual([...bytes].sort((a, b) => a - b));
});

test("a checkpoint of changed rows exports and predicts as a full one", async () => {
  const exported: Buffer[] = [];
  const scores: Float32Array[] = [];
  for (const fullEvery of [1, 100]) {
    const { run } = await interrupted(12, { fullEvery });
    const from = join(run, "checkpoints");
    expect((await openCheckpoint(from)).base === null).toBe(fullEvery === 1);
    const out = fresh();
    await exportModel({ model: from, format: "safetensors", out });
    exported.push(readFileSync(out));
    await using served = await openModel(from);
    scores.push(
      await served.predict({ dense: new Float32Array(6), ids: Int32Array.of(0, 1, 2, 7, -1, 0, 2999, 6, 1) }),
    );
  }
  expect(exported[0]).toEqual(exported[1]);
  expect(scores[0]).toEqual(scores[1]);
});

test("the model is that of a run without checkpoints", async () => {
  const [plain, saved] = [fresh(), fresh()];
  await trainModel(small({ run: plain, checkpointEvery: 0 }));
  await trainModel(small({ run: saved, fullEvery: 3 }));
  expect(model(saved).slice(0, -1)).toEqual(model(plain).slice(0, -1)); // all but the manifest, which has the options
});

test("a copy that memory has no room for is not made: training waits and says so", async () => {
  const memory = vi.spyOn(process, "availableMemory").mockReturnValue(1000);
  const lines: string[] = [];
  const { run, events } = await interrupted(12, {}, { log: (line) => lines.push(line) });
  memory.mockRestore();
  expect(lines.filter((line) => line.includes("training waits until it is written"))).toHaveLength(1);
  expect(events.every(({ waitedSeconds, seconds }) => waitedSeconds > 0 && seconds - waitedSeconds < 0.1)).toBe(true);
  expect((await resumeTraining(run)).steps).toBe(60);
});

test("what a write meets ends the run, and the checkpoint before stays", async () => {
  const run = fresh();
  const aside = fresh();
  let saved = 0;
  const training = trainModel(small({ run }), {
    onCheckpoint() {
      if (++saved !== 2) return;
      // A file is where the directory was: nothing more can be written there.
      renameSync(join(run, "checkpoints"), aside);
      writeFileSync(join(run, "checkpoints"), "");
    },
  });
  await expect(training).rejects.toThrow(/checkpoints/);
  expect(existsSync(join(run, "report.json"))).toBe(false);
  rmSync(join(run, "checkpoints"));
  renameSync(aside, join(run, "checkpoints"));
  expect((await resumeTraining(run)).resumedAt).toEqual([8]);
});
