import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strideWords } from "@fae/core";
import { openPrepared, toBatchSource } from "@fae/datasets";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeSmallData } from "../test-data.js";
import type { Metrics } from "./metrics.js";
import type { TrainOptions } from "./options.js";
import { aucHints, oneClassHint } from "./quality-hints.js";
import { trainModel } from "./train-model.js";

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-hints-"));
});
afterAll(() => rmSync(root, { recursive: true }));

/** A data set whose first validation inputs all have label 0. */
async function oneClass(name: string, inputs: number): Promise<string> {
  const directory = writeSmallData(join(root, name));
  const { layout } = await openPrepared(directory);
  const words = new Int32Array(Uint8Array.from(readFileSync(join(directory, "val.rows"))).buffer);
  for (let i = 0; i < inputs; i++) words[i * strideWords(layout)] = 0;
  writeFileSync(join(directory, "val.rows"), words);
  return directory;
}

test("inputs of one label are seen, wherever the other one begins", async () => {
  const hint = async (inputs: number) =>
    oneClassHint(toBatchSource(await openPrepared(await oneClass("some", inputs)), "val"));
  expect(await hint(120)).toContain("all 120 inputs that tests read have label 0");
  expect(await hint(100)).toBeNull();
});

test("a training that follows such tests says so before its first batch; one that does not follow them says nothing", async () => {
  const data = await oneClass("head", 50);
  const linesOf = async (more: Partial<TrainOptions>) => {
    const lines: string[] = [];
    const onStart = () => void lines.push("start");
    const options = {
      data,
      model: "dlrm",
      modelOptions: { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] },
      engine: "reference",
    };
    await trainModel(
      { ...options, batch: 50, testEvery: 4, testInputs: 50, ...more },
      { log: (line) => lines.push(line), onStart },
    );
    return lines.slice(0, lines.indexOf("start")).join();
  };
  for (const more of [{ stopPatience: 3 }, { plateauPatience: 3 }, { keep: "best", run: join(root, "run") }] as const)
    expect(await linesOf(more)).toContain("all 50 inputs that tests read have label 0");
  expect(await linesOf({})).not.toContain("label 0");
  expect(await linesOf({ stopPatience: 3, testInputs: 120 })).not.toContain("label 0");
});

test("an AUC of chance, or one that is too good, is worth a line", () => {
  const of = (auc: number | null, inputs = 100) => aucHints({ test: { auc, inputs } as Metrics });
  expect(of(0.5009)).toEqual([expect.stringContaining("AUC 0.50090 on test is that of chance")]);
  expect(of(0.4991)).toHaveLength(1);
  expect(of(0.9991)).toEqual([expect.stringContaining("hardly possible")]);
  for (const auc of [0.4989, 0.502, 0.99, null]) expect(of(auc)).toEqual([]);
  expect(of(0.5, 99)).toEqual([]);
  expect(aucHints({ test: null })).toEqual([]);
});
