import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeSmallData } from "../test-data.js";
import { evaluateModel } from "./evaluate-model.js";
import type { TrainOptions } from "./options.js";
import { resumeTraining, type TrainHooks, trainModel } from "./train-model.js";

let root = "";
let names = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-lost-"));
  writeSmallData(join(root, "data"));
});
afterAll(() => rmSync(root, { recursive: true }));

/** A run in a directory of its own. */
function freshRun(): { readonly run: string; readonly folder: string } {
  const folder = join(root, `place-${names++}`);
  mkdirSync(folder);
  return { run: join(folder, "r"), folder };
}

const small = (more: Partial<TrainOptions> = {}): Parameters<typeof trainModel>[0] => ({
  data: join(root, "data"),
  model: "dlrm",
  modelOptions: { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] },
  engine: "reference",
  optimizer: "sgd",
  batch: 50,
  segmentBatches: 1,
  threads: 1,
  ...more,
});

/** What the training of the latest hooks logged. */
let said: string[] = [];

/** Does something to the places of a run in the middle of its training. */
function meddling(step: number, act: () => void): TrainHooks {
  said = [];
  return {
    log: (line) => void said.push(line),
    onEvent: (event) => void (event.kind === "segment" && event.step === step && act()),
  };
}

/** The directory has a whole run: its model scores as the report says, and its events are those of all steps. */
async function expectWhole(run: string, steps: number): Promise<void> {
  const report = JSON.parse(readFileSync(join(run, "report.json"), "utf8"));
  expect(report.options.run).toBe(run);
  const lines = readFileSync(join(run, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.filter(({ kind }) => kind === "segment").at(-1).step).toBe(steps);
  const { report: again } = await evaluateModel({
    model: run,
    data: join(root, "data"),
    split: "test",
    engine: "reference",
    batch: 64,
    threads: 0,
  });
  expect(again.metrics.logLoss).toBeCloseTo(report.metrics.test.logLoss, 6);
}

const kept = (folder: string): string =>
  join(folder, readdirSync(folder).find((name) => name.startsWith("r.kept-")) ?? "none");

describe("a name that is taken while the run is trained", () => {
  const takers: [string, (run: string) => void][] = [
    ["a directory", (run) => mkdirSync(run)],
    ["a file", (run) => writeFileSync(run, "mine")],
    ["a link to nothing", (run) => symlinkSync("nowhere", run)],
  ];
  test.each(takers)("costs nothing: the run is kept under another one, and says so: %s", async (_, take) => {
    const { run, folder } = freshRun();
    const hooks = meddling(3, () => take(run));
    const report = await trainModel(small({ run }), hooks);
    expect(report.options.run).toBe(kept(folder));
    await expectWhole(kept(folder), 12);
    expect(said.join()).toContain(`${run} was made by somebody else meanwhile: the run is kept as ${kept(folder)}`);
    expect(existsSync(join(run, "report.json"))).toBe(false);
    expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("is no obstacle to checkpoints, nor to resuming", async () => {
    const { run, folder } = freshRun();
    const controller = new AbortController();
    const hooks = meddling(2, () => mkdirSync(run));
    const onCheckpoint = ({ step }: { step: number }) => step >= 6 && controller.abort();
    const stopped = trainModel(small({ run, checkpointEvery: 3 }), {
      ...hooks,
      onCheckpoint,
      signal: controller.signal,
    });
    await expect(stopped).rejects.toMatchObject({ code: "ERR_INTERRUPTED" });
    await resumeTraining(kept(folder));
    await expectWhole(kept(folder), 12);
  });
});

describe("the directory of a run that is moved away while it is trained", () => {
  const movers: [string, (run: string) => void][] = [
    ["renamed", (run) => renameSync(run, `${run}-moved`)],
    ["removed", (run) => rmSync(run, { recursive: true })],
    [
      "replaced by another one",
      (run) => {
        renameSync(run, `${run}-moved`);
        mkdirSync(run);
      },
    ],
    [
      "replaced by a link",
      (run) => {
        renameSync(run, `${run}-moved`);
        mkdirSync(`${run}-other`);
        symlinkSync("r-other", run);
      },
    ],
  ];
  /** Acts when the first checkpoint is there. */
  const afterCheckpoint = (act: () => void) => {
    said = [];
    let hasActed = false;
    const onCheckpoint = (): void => {
      if (!hasActed) act();
      hasActed = true;
    };
    return { log: (line: string) => void said.push(line), onCheckpoint };
  };

  test.each(movers)("after its last checkpoint: a whole run is written: %s", async (_, move) => {
    const { run, folder } = freshRun();
    const hooks = afterCheckpoint(() => move(run));
    const report = await trainModel(small({ run, checkpointEvery: 8 }), hooks);
    const written = report.options.run ?? "";
    expect([run, kept(folder)]).toContain(written);
    await expectWhole(written, 12);
    expect(said.join()).toContain("was renamed, removed or replaced");
    if (existsSync(`${run}-other`)) expect(readdirSync(`${run}-other`)).toEqual([]);
  });

  test.each(movers)("before a checkpoint: an error, and nothing is written elsewhere: %s", async (_, move) => {
    const { run } = freshRun();
    const training = trainModel(
      small({ run, checkpointEvery: 3 }),
      afterCheckpoint(() => move(run)),
    );
    await expect(training).rejects.toThrow(`The directory of run ${run} was renamed, removed or replaced`);
    if (existsSync(run)) expect(readdirSync(run)).toEqual([]);
    if (existsSync(`${run}-moved`)) await expect(resumeTraining(`${run}-moved`)).resolves.toMatchObject({ steps: 12 });
  });

  test("where it is unfinished and hidden, too", async () => {
    const { run, folder } = freshRun();
    const hidden = (): string => join(folder, readdirSync(folder).find((name) => name.includes("partial")) ?? "none");
    await trainModel(
      small({ run }),
      meddling(3, () => rmSync(hidden(), { recursive: true })),
    );
    await expectWhole(run, 12);
  });
});
