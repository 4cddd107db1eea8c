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
import { cp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { synthesize } from "@fae/datasets";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resumeTraining, trainModel } from "./train-model.js";

const root = mkdtempSync(join(tmpdir(), "fae-links-"));
const at = (name: string): string => join(root, name);
afterAll(() => rmSync(root, { recursive: true, force: true }));

beforeAll(async () => {
  const source = "criteo-kaggle";
  await synthesize({ source, format: "prepared", directory: at("data"), rows: 600, scale: 0.0005, workers: 1 });
  const controller = new AbortController();
  const interrupted = trainModel(
    {
      data: at("data"),
      model: "rmc2",
      engine: "cpu",
      batch: 32,
      segmentBatches: 2,
      checkpointEvery: 2,
      run: at("run"),
    },
    { signal: controller.signal, onCheckpoint: () => controller.abort() },
  );
  await expect(interrupted).rejects.toThrow("interrupted");
});

/** A copy of the interrupted run in which one part was moved away, with a link to it in its place. */
async function linked(part: string, elsewhere: string): Promise<string> {
  const run = at(`run-${elsewhere}`);
  await cp(at("run"), run, { recursive: true });
  if (existsSync(join(run, part))) renameSync(join(run, part), at(elsewhere));
  else mkdirSync(at(elsewhere));
  symlinkSync(at(elsewhere), join(run, part));
  return run;
}

test.each([
  ["metrics.jsonl", "victim-events"],
  ["checkpoints", "victim-checkpoints"],
  ["model", "victim-model"],
  ["tensorboard", "victim-board"],
])("a run in which %s is a link is not resumed, and nothing is written behind the link", async (part, elsewhere) => {
  const run = await linked(part, elsewhere);
  const seen = () => (part === "metrics.jsonl" ? readFileSync(at(elsewhere), "utf8") : readdirSync(at(elsewhere)));
  const before = seen();
  const again = resumeTraining(run, { checkpointEvery: 1, keepCheckpoints: 1, tensorboard: true });
  await expect(again).rejects.toThrow(`'${join(run, part)}' is a link`);
  expect(seen()).toEqual(before);
});

test("what has the name that a report is written under first is replaced, not written through", async () => {
  await cp(at("run"), at("plain"), { recursive: true });
  writeFileSync(join(at("plain"), ".report.json"), "left by a killed process");
  await resumeTraining(at("plain"));
  expect(JSON.parse(readFileSync(join(at("plain"), "report.json"), "utf8")).format).toBe("fae-run");
});
