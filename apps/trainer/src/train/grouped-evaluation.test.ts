import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { auc } from "@fae/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { captureIo } from "../cli/test-io.js";
import { main } from "../cli.js";
import { writeSmallData } from "../test-data.js";
import { evaluateModel } from "./evaluate-model.js";
import { trainModel } from "./train-model.js";

let root = "";
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fae-grouped-"));
  writeSmallData(at("data"), { tables: [40, 9], denseFeatures: 1, inputs: { train: 400, test: 300 } });
  const modelOptions = { width: 4, bottomMlp: [4], topMlp: [1] };
  await trainModel({ data: at("data"), model: "dlrm", modelOptions, engine: "reference", batch: 50, run: at("run") });
});
afterAll(() => rmSync(root, { recursive: true }));

/** Ids of a table in the rows of the test split: label, dense, id of t0, id of t1. */
function idsInRows(table: number): Int32Array {
  const words = new Int32Array(Uint8Array.from(readFileSync(join(at("data"), "test.rows"))).buffer);
  return Int32Array.from({ length: words.length / 4 }, (_, row) => words[row * 4 + 2 + table]);
}

test.each([0, 1])("AUC by the ids of table t%s is that of each id's inputs, averaged", async (table) => {
  const asked = { model: at("run"), data: at("data"), engine: "reference", group: `t${table}` } as const;
  const { report, evaluation } = await evaluateModel(asked);
  const groups = idsInRows(table);
  const { scores, labels } = evaluation;
  const all: { auc: number; inputs: number }[] = [];
  for (const id of new Set(groups)) {
    const own = [...groups.keys()].filter((i) => groups[i] === id);
    const pick = <A extends Float32Array | Uint8Array>(of: A): number[] => own.map((i) => of[i]);
    const one = auc(Float32Array.from(pick(scores)), Uint8Array.from(pick(labels)));
    if (!Number.isNaN(one)) all.push({ auc: one, inputs: own.length });
  }
  const sum = (of: (one: (typeof all)[number]) => number): number => all.reduce((total, one) => total + of(one), 0);
  expect(all.length).toBeGreaterThan(3);
  expect(report.grouped?.groups).toBe(all.length);
  expect(report.grouped?.byGroups).toBeCloseTo(sum((one) => one.auc) / all.length, 12);
  expect(report.grouped?.byInputs).toBeCloseTo(sum((one) => one.auc * one.inputs) / sum((one) => one.inputs), 12);
});

test("the command says it, and refuses a table that is not there", async () => {
  const io = captureIo();
  const given = ["evaluate", at("run"), at("data"), "--engine", "reference"];
  expect(await main([...given, "--group", "t1"], io)).toBe(0);
  expect(io.out()).toMatch(/AUC by t1: 0\.\d+ weighted by inputs, 0\.\d+ unweighted; 9 with both labels/);
  const refused = captureIo();
  expect(await main([...given, "--group", "user"], refused)).toBe(1);
  expect(refused.err()).toContain("The data have no table 'user'.");
});
