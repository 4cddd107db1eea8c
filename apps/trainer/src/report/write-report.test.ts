import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { captureIo } from "../cli/test-io.js";
import { main } from "../cli.js";
import { writeSmallData } from "../test-data.js";
import { trainModel } from "../train/train-model.js";
import { writeRunReport } from "./write-report.js";

let root = "";
const at = (...parts: string[]): string => join(root, ...parts);
const small = {
  model: "dlrm",
  modelOptions: { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] },
  engine: "reference",
  batch: 50,
  segmentBatches: 2,
  testEvery: 4,
};
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fae-report-"));
  writeSmallData(at("data"));
  await trainModel({ ...small, data: at("data"), run: at("run") });
});
afterAll(() => rmSync(root, { recursive: true }));
const text = (path: string): string => readFileSync(path, "utf8");

test("a finished run becomes one file beside it, with its final quality", async () => {
  const report = await writeRunReport(at("run"));
  expect(report).toMatchObject({ path: at("run.html"), standing: "finished", steps: 12, notes: [] });
  const page = text(at("run.html"));
  expect(report.bytes).toBe(Buffer.byteLength(page));
  expect(page).toMatch(/Finished[\s\S]*Quality of the trained model[\s\S]*validation/);
  expect(page).toContain("Weights of the last step, 12.");
  expect(page).toContain('<figure id="auc"');
  expect(readdirSync(root).sort()).toEqual(["data", "run", "run.html"]);
});

test("a run at work is found where it is written to, and says that it runs", async () => {
  let during = {};
  await trainModel(
    { ...small, data: at("data"), run: at("runs", "working") },
    {
      onEvent: async ({ step }) => {
        if (step === 6) during = await writeRunReport(at("runs", "working"), at("runs", "out", "working.html"));
      },
    },
  );
  await expect.poll(() => during).toMatchObject({ standing: "running", notes: [] });
  expect(text(at("runs", "out", "working.html"))).toContain("Running");
});

test("a killed run gives what it wrote: a line that is cut off is no damage", async () => {
  const lines = text(at("run", "metrics.jsonl")).split("\n");
  mkdirSync(at(".killed.partial-1-1"));
  writeFileSync(
    at(".killed.partial-1-1", "metrics.jsonl"),
    `${lines.slice(0, 4).join("\n")}\n${lines[4].slice(0, 40)}`,
  );
  const report = await writeRunReport(at("killed"));
  expect(report).toMatchObject({ standing: "stopped", notes: [] });
  expect(report.steps).toBeGreaterThan(0);
  expect(text(at("killed.html"))).toContain("The run is not finished");
});

test("damaged lines are left out, counted and named; unknown ones are none", async () => {
  cpSync(at("run"), at("damaged"), { recursive: true });
  const lines = text(at("run", "metrics.jsonl")).trim().split("\n");
  lines[1] = lines[1].replace('"loss"', '"loss');
  lines[2] = "\u0000\u0000";
  lines[3] = '{"kind":"segment","step":1e999}';
  const more = ['{"kind":"new"}', lines[4], "[]"];
  writeFileSync(at("damaged", "metrics.jsonl"), `${[...lines, ...more].join("\n")}\n`);
  appendFileSync(at("damaged", "report.json"), "}");
  const { notes } = await writeRunReport(at("damaged"));
  expect(notes).toEqual([
    expect.stringMatching(/^4 of \d+ lines of metrics.jsonl are damaged and left out \(line 2, 3, 4, \d+\)\.$/),
    expect.stringMatching(/^1 of \d+ lines of metrics.jsonl are out of order and left out\.$/),
    "report.json is damaged: the quality of the trained model is left out.",
  ]);
  expect(text(at("damaged.html"))).toContain("are damaged and left out");
});

test("what is not a run is refused, and nothing is written", async () => {
  await expect(writeRunReport(at("data"))).rejects.toThrow(/data is not a run: it has no metrics.jsonl\. Name a/);
  await expect(writeRunReport(at("nowhere"))).rejects.toThrow(/There is no run .*nowhere\./);
  await expect(writeRunReport(at("run"), at("data"))).rejects.toThrow(`${at("data")} names a directory`);
  expect(readdirSync(root)).not.toContain("data.html");
});

test("fae report takes a run and says where the page is", async () => {
  const io = captureIo();
  expect(await main(["report", at("run"), "--out", at("own.html"), "--json"], io)).toBe(0);
  expect(JSON.parse(io.out())).toMatchObject({ path: at("own.html"), steps: 12, standing: "finished" });
  expect(text(at("own.html"))).toBe(text(at("run.html")));
});

test("a line longer than any event is read past and counted", async () => {
  cpSync(at("run"), at("huge"), { recursive: true });
  const events = text(at("huge", "metrics.jsonl"));
  writeFileSync(at("huge", "metrics.jsonl"), `${"x".repeat(3 << 20)}\n${events}`);
  const report = await writeRunReport(at("huge"), at("huge.html"));
  expect(report.notes).toEqual([expect.stringContaining("1 of")]);
  expect(report.steps).toBe(12);
});
