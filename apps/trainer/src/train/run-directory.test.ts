import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stageDirectory, writeJson } from "./run-directory.js";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "fae-staged-"));
});
afterEach(() => rmSync(root, { recursive: true }));

test("a directory appears under its name only when it is complete", async () => {
  const staged = stageDirectory(join(root, "runs", "one"));
  await writeJson(join(staged.path, "report.json"), { steps: 3 });
  expect(existsSync(join(root, "runs", "one"))).toBe(false);
  staged.commit();
  staged.discard();
  expect(readdirSync(join(root, "runs", "one")).sort()).toEqual(["report.json"]);
  expect(readdirSync(join(root, "runs"))).toEqual(["one"]);
});

test("what is discarded leaves nothing, its new parents neither", () => {
  stageDirectory(join(root, "a", "b", "run")).discard();
  expect(readdirSync(root)).toEqual([]);
});

test("parents that others use meanwhile stay", () => {
  const staged = stageDirectory(join(root, "a", "run"));
  mkdirSync(join(root, "a", "other"));
  staged.discard();
  expect(readdirSync(join(root, "a"))).toEqual(["other"]);
});

test("leftovers of killed processes are removed, those of living ones stay", () => {
  const [gone, living] = [".run.partial-999999999", `.run.partial-${process.ppid}`];
  for (const name of [gone, living, ".run.partial-notes"]) mkdirSync(join(root, name));
  stageDirectory(join(root, "run")).discard();
  expect(readdirSync(root).sort()).toEqual([living, ".run.partial-notes"].sort());
});

test("nothing is written over", () => {
  mkdirSync(join(root, "taken"));
  symlinkSync(join(root, "nowhere"), join(root, "link"));
  for (const name of ["taken", "link"])
    expect(() => stageDirectory(join(root, name))).toThrow(`${name} already exists`);
  const staged = stageDirectory(join(root, "late"));
  mkdirSync(join(root, "late"));
  expect(() => staged.commit()).toThrow("already exists");
  staged.discard();
});
