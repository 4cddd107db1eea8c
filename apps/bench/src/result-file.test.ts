import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exampleResult } from "../test/example-result.js";
import { readResult, readResults, writeResult, writeWhole } from "./result-file.js";

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-results-"));
});
afterAll(() => rmSync(root, { recursive: true }));

test("a result reads back as it was written, and nothing else lies beside it", async () => {
  const folder = join(root, "one", "deep");
  const path = await writeResult(folder, exampleResult());
  expect(await readResult(path)).toEqual(exampleResult());
  expect(readdirSync(folder)).toEqual(["speed.json"]);
});

test("a write that fails leaves what was there", async () => {
  const path = join(root, "kept.json");
  await writeWhole(path, "old");
  await expect(writeResult(root, { ...exampleResult(), seconds: Number.NaN })).rejects.toThrow();
  await expect(writeWhole(join(path, "impossible"), "new")).rejects.toThrow();
  expect(readdirSync(root).filter((name) => name.includes("partial"))).toEqual([]);
});

test("results are read by folder, sub-folders too", async () => {
  const parent = join(root, "machines");
  await writeResult(join(parent, "a"), exampleResult());
  await writeResult(join(parent, "b"), { ...exampleResult(), scenario: "accuracy" });
  await writeResult(join(parent, "b"), exampleResult());
  await writeWhole(join(parent, "notes.json"), '{"hardware": "a record of another kind"}');
  const { folders, leftOut } = await readResults(parent);
  expect(leftOut).toEqual([join(parent, "notes.json")]);
  expect(folders.map(({ results }) => results.map(({ scenario }) => scenario))).toEqual([
    ["speed"],
    ["accuracy", "speed"],
  ]);
});

test("what is no result is named", async () => {
  const bad = join(root, "bad");
  await writeWhole(join(bad, "other.json"), '{"scenario": "speed", "schema": 2}');
  await expect(readResults(bad)).rejects.toThrow(/other\.json' is not a bench result: .*schema/);
  await expect(readResult(join(root, "kept.json"))).rejects.toThrow(/not valid JSON/);
  writeFileSync(join(bad, "other.json"), "{");
  await expect(readResults(bad)).rejects.toThrow(/other\.json' is not valid JSON/);
  await expect(readResult(join(root, "none.json"))).rejects.toThrow(/cannot be read/);
  await expect(readResults(join(root, "nowhere"))).rejects.toThrow(/not a folder of results/);
  await writeWhole(join(root, "empty", "record.json"), "[1]");
  await expect(readResults(join(root, "empty"))).rejects.toThrow(/holds no results/);
});
