import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPrepared, writeManifest } from "@fae/datasets";
import { listCheckpoints } from "@fae/embedding-store";
import { profile, writeProfile } from "@fae/profiler";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packData } from "../pack/pack-data.js";
import { writeSmallData } from "../test-data.js";
import { loadEngine } from "./engines.js";
import type { TrainOptions } from "./options.js";
import type { TrainReport } from "./report.js";
import { resumeTraining, trainModel } from "./train-model.js";

const hasCpu = await loadEngine("cpu").then(
  () => true,
  () => false,
);
if (!hasCpu) console.log("skipped: resuming on the cpu engine, which does not run here");

let root = "";
let names = 0;
const at = (...parts: string[]): string => join(root, ...parts);
const fresh = (): string => at(`run-${names++}`);
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fae-resume-"));
  writeSmallData(at("data"));
  writeSmallData(at("other"), { seed: 9 });
  await pack("packed", 640);
});
afterAll(() => rmSync(root, { recursive: true }));

/** A copy of the log in which one input has another label. */
function relabelled(): string {
  const copy = writeSmallData(at("relabelled"));
  const rows = readFileSync(join(copy, "test.rows"));
  rows[0] ^= 1;
  writeFileSync(join(copy, "test.rows"), rows);
  const { files: _, ...manifest } = JSON.parse(readFileSync(join(copy, "manifest.json"), "utf8"));
  writeManifest(copy, manifest);
  return copy;
}

/** Packs the log for a budget under a name. */
async function pack(name: string, budgetBytes: number): Promise<void> {
  const made = await profile({
    data: await openPrepared(at("data")),
    width: 4,
    stateValues: 4,
    budgetBytes,
    smallTableBytes: 0,
  });
  await writeProfile(at(`${name}-profile`), made);
  await packData({ data: at("data"), profile: at(`${name}-profile`), out: at(name) });
}

const small = (more: Partial<TrainOptions> = {}): Parameters<typeof trainModel>[0] => ({
  data: at("packed"),
  model: "dlrm",
  modelOptions: { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] },
  engine: hasCpu ? "cpu" : "reference",
  optimizer: "adagrad",
  batch: 50,
  learningRate: 0.1,
  epochs: 2,
  segmentBatches: 4,
  shuffle: "total",
  threads: 1,
  ...more,
});

/** Trains until `steps` batches are done, then is interrupted. */
async function interrupted(steps: number, options: Parameters<typeof trainModel>[0]): Promise<void> {
  const controller = new AbortController();
  const onEvent = ({ step }: { step: number }) => step >= steps && controller.abort();
  await expect(trainModel(options, { signal: controller.signal, onEvent })).rejects.toMatchObject({
    code: "ERR_INTERRUPTED",
  });
}

/** Bytes of all tensors of a run's model. */
function weights(run: string): Map<string, Buffer> {
  const [step] = readdirSync(join(run, "model"));
  const files = readdirSync(join(run, "model", step)).filter((name) => name.endsWith(".safetensors"));
  expect(files.length).toBeGreaterThan(0);
  return new Map(files.map((name) => [name, readFileSync(join(run, "model", step, name))]));
}

/** What of a report depends neither on the time that things took nor on the route. */
const outcome = ({ steps, inputs, lossCurve, tests, schedulerTrace, metrics }: TrainReport) => ({
  steps,
  inputs,
  lossCurve: lossCurve.map(({ route: _, ...point }) => point),
  tests: tests.map(({ seconds: _, ...test }) => test),
  schedulerTrace,
  metrics,
});

const cases: [string, Partial<TrainOptions>, Partial<TrainOptions>][] = [
  ["cpu-only", {}, {}],
  [
    "cpu-only with adam, warm-up and tests",
    { optimizer: "adam", warmupSteps: 9, testEvery: 5, plateauPatience: 0 },
    {},
  ],
  ["cpu-only, resumed as mixed", {}, { strategy: "mixed", lookAhead: 3, threads: 2 }],
  ["mixed, resumed as cpu-only", { strategy: "mixed" }, { strategy: "cpu-only" }],
  ["mixed, resumed with another look-ahead", { strategy: "mixed", lookAhead: 1 }, { lookAhead: 4 }],
  ["packed data, resumed on the unpacked", {}, { data: "data" }],
  ["fae", { strategy: "fae" }, { threads: 2 }],
  ["a parameter server", { strategy: "xdl-parameter-server", servers: 2 }, { servers: 3 }],
  ["a stale parameter server", { strategy: "xdl-parameter-server", staleness: 2 }, {}],
];

describe.skipIf(!hasCpu)("bit for bit", () => {
  test.each(cases)(
    "%s: interrupted anywhere, the result is that of a run in one piece",
    async (_, options, changes) => {
      const all = small(options);
      const whole = fresh();
      const expected = await trainModel({ ...all, run: whole });
      const boundaries = expected.lossCurve.slice(1, -1).map(({ step }) => step);
      for (const steps of boundaries) {
        const run = fresh();
        await interrupted(steps, { ...all, run, checkpointEvery: 1 });
        expect(readdirSync(run).sort()).toEqual(["checkpoints", "metrics.jsonl"]);
        const moved = changes.data === undefined ? changes : { ...changes, data: at(changes.data) };
        const found = await resumeTraining(run, moved);
        expect(outcome(found)).toEqual(outcome(expected));
        expect(weights(run)).toEqual(weights(whole));
        expect(found.resumedAt).toHaveLength(1);
        expect(readdirSync(run).sort()).toEqual(["metrics.jsonl", "model", "report.json"]);
        rmSync(run, { recursive: true });
      }
    },
    30_000,
  );

  test("a run that is interrupted again and again still ends as one in one piece", async () => {
    const [whole, run] = [fresh(), fresh()];
    const expected = await trainModel(small({ run: whole, tensorboard: true }));
    await interrupted(5, small({ run, checkpointEvery: 1, tensorboard: true }));
    for (const at of [12, 16, 20]) {
      const controller = new AbortController();
      const onEvent = ({ step }: { step: number }) => step >= at && controller.abort();
      await expect(resumeTraining(run, {}, { signal: controller.signal, onEvent })).rejects.toThrow("interrupted");
    }
    const found = await resumeTraining(run);
    expect(outcome(found)).toEqual(outcome(expected));
    expect(weights(run)).toEqual(weights(whole));
    expect(found.resumedAt).toHaveLength(4);
    expect(found.seconds.total).toBeGreaterThan(0);
  });
});

describe("refuses", () => {
  let run = "";
  beforeAll(async () => {
    run = fresh();
    await interrupted(13, small({ run, checkpointEvery: 1 }));
  });

  const refusals: [string, () => Partial<TrainOptions>, string][] = [
    ["other data", () => ({ data: at("other") }), "ids that do not mean the rows of this data set: table 't0' has"],
    [
      "the same data with another label",
      () => ({ data: relabelled() }),
      "ids that do not mean the rows of this data set",
    ],
    ["another model", () => ({ model: "rmc2" }), 'The run has model "dlrm"'],
    ["other sizes of the model", () => ({ modelOptions: { width: 8 } }), "The run has modelOptions"],
    ["another optimizer", () => ({ optimizer: "sgd" }), 'The run has optimizer "adagrad"'],
    ["another seed", () => ({ seed: 2 }), "The run has seed 1"],
    ["a strategy of another order", () => ({ strategy: "fae" }), "cannot resume an order of kind"],
  ];
  test.each(refusals)("%s", async (_, changes, message) => {
    await expect(resumeTraining(run, changes())).rejects.toThrow(message);
  });

  test("a pack of the same log with other hot inputs, for the strategy that trains them apart", async () => {
    await pack("other-pack", 608);
    const [fae, mixed] = [fresh(), fresh()];
    await interrupted(8, small({ run: fae, strategy: "fae", checkpointEvery: 1 }));
    await expect(resumeTraining(fae, { data: at("other-pack") })).rejects.toThrow("other hot inputs");
    await resumeTraining(fae);
    await interrupted(8, small({ run: mixed, strategy: "mixed", checkpointEvery: 1 }));
    await resumeTraining(mixed, { data: at("other-pack") });
  });

  test("another strategy for a stale server: its pushes are under way", async () => {
    const stale = fresh();
    await interrupted(8, small({ run: stale, strategy: "xdl-parameter-server", staleness: 2, checkpointEvery: 1 }));
    await expect(resumeTraining(stale, { strategy: "cpu-only" })).rejects.toThrow("cannot be resumed with");
    await resumeTraining(stale, { servers: 2 });
  });

  test("a complete run, one without checkpoints, and nothing at all", async () => {
    const complete = fresh();
    await trainModel(small({ run: complete, maxBatches: 4, checkpointEvery: 1 }));
    await expect(resumeTraining(complete)).rejects.toThrow("is complete");
    await expect(resumeTraining(at("data"))).rejects.toThrow("data is no run that was interrupted");
    await expect(resumeTraining(at("nowhere"))).rejects.toThrow("nowhere does not exist");
    mkdirSync(at("empty", "checkpoints"), { recursive: true });
    await expect(resumeTraining(at("empty"))).rejects.toThrow("empty has no checkpoint");
    await expect(trainModel(small({ checkpointEvery: 1 }))).rejects.toThrow("Give --run too");
    const without = fresh();
    await interrupted(4, small({ run: without, checkpointEvery: 1000 }));
    expect(existsSync(without)).toBe(false);
  });

  test("a run that is being trained, new or resumed, and leaves no lock behind", async () => {
    const busy = fresh();
    let again: Promise<unknown>[] = [];
    const controller = new AbortController();
    const onEvent = ({ step }: { step: number }) => {
      if (step === 16) again = [trainModel(small({ run: busy })), resumeTraining(busy)].map((p) => p.catch(String));
      if (step >= 20) controller.abort();
    };
    await expect(
      trainModel(small({ run: busy, checkpointEvery: 1 }), { signal: controller.signal, onEvent }),
    ).rejects.toThrow("interrupted");
    expect((await Promise.all(again)).map((text) => /already exists|in use by this/.exec(String(text))?.[0])).toEqual([
      "already exists",
      "in use by this",
    ]);
    expect(readdirSync(root).filter((name) => name.includes("lock"))).toEqual([]);
    expect((await resumeTraining(busy)).steps).toBe(24);
  });

  test("a damaged checkpoint, and takes the one before it when told", async () => {
    const copy = fresh();
    cpSync(run, copy, { recursive: true });
    const [older, newest] = await listCheckpoints(join(copy, "checkpoints"));
    const file = join(newest.path, "table-0000.safetensors");
    const bytes = readFileSync(file);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(file, bytes);
    const error = await resumeTraining(copy).catch((e: Error) => e);
    expect(error).toMatchObject({ code: "ERR_DATA", message: expect.stringContaining("table-0000.safetensors") });
    expect((error as Error).message).toContain(older.path);
    expect(await listCheckpoints(join(copy, "checkpoints"))).toHaveLength(2);
    expect((await resumeTraining(older.path)).resumedAt).toEqual([older.step]);
    if (!hasCpu) return; // the reference engine computes in float64, which a checkpoint rounds
    const whole = fresh();
    await trainModel(small({ run: whole }));
    expect(weights(copy)).toEqual(weights(whole));
  });

  test("events that are not those of the checkpoint", async () => {
    const copy = fresh();
    cpSync(run, copy, { recursive: true });
    writeFileSync(join(copy, "metrics.jsonl"), "{}\n");
    await expect(resumeTraining(copy)).rejects.toThrow("are not those that the checkpoint has seen");
  });
});
