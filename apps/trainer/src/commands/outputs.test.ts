import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { captureIo } from "../cli/test-io.js";
import { main } from "../cli.js";
import { writeSmallData } from "../test-data.js";
import { withOutput } from "../train/with-output.js";

let root = "";
const at = (...parts: string[]): string => join(root, ...parts);
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-outputs-"));
  writeSmallData(at("data"));
  writeFileSync(at("log.txt"), "1\t2\n");
});
afterAll(() => rmSync(root, { recursive: true }));

async function fae(...args: string[]) {
  const io = captureIo();
  const code = await main(args, io);
  return { code, out: io.out(), err: io.err() };
}

/** Every command that makes a file or directory, up to the name of that; no model is there, so none could work. */
const writers: [string, (out: string) => string[]][] = [
  ["predict", (out) => ["predict", at("run"), at("data"), "--out", out]],
  ["export", (out) => ["export", at("run"), "--format", "npz", "--out", out]],
  ["import", (out) => ["import", at("w"), "--model", "dlrm", "--width", "4", "--data", at("data"), "--out", out]],
  ["profile", (out) => ["profile", at("data"), "--model", "dlrm", "--width", "4", "--out", out]],
  ["train", (out) => ["train", at("data"), "--model", "dlrm", "--width", "4", "--batch", "9", "--run", out]],
];

describe("a name that another process is writing to is refused before the work", () => {
  test.each(writers)("%s", async (name, command) => {
    const out = at(`out-${name}`);
    await withOutput(out, async () => {
      const { code, err } = await fae(...command(out));
      expect(code).toBe(1);
      expect(err).toContain(`out-${name}`);
      expect(err).toContain("is in use by this process");
    });
    expect(readdirSync(root).filter((entry) => entry.includes(`out-${name}`))).toEqual([]);
  });
});

describe("a name that is taken is refused before the work", () => {
  test.each(writers)("%s", async (name, command) => {
    mkdirSync(at(`taken-${name}`));
    writeFileSync(at(`taken-${name}`, "mine"), "");
    expect((await fae(...command(at(`taken-${name}`)))).err).toContain("already exists");
  });

  test("the data file of an ONNX graph too", async () => {
    writeFileSync(at("graph.data"), "mine");
    const { err } = await fae("export", at("run"), "--format", "onnx", "--out", at("graph"));
    expect(err).toContain("graph.data already exists");
  });
});

describe("predict refuses what says nothing about its input", () => {
  const refusals: [string[], string][] = [
    [["nosuch.txt", "--data", "data"], "nosuch.txt' does not exist"],
    [["nosuch.txt", "--format", "criteo-kaggle"], "nosuch.txt' does not exist"],
    [["log.txt", "--split", "val"], "--split is for a prepared data set, and the input is a log with a schema"],
    [["log.txt", "--unlabelled"], "--unlabelled is for a known log"],
    [["log.txt", "--format", "avazu", "--schema", "clicks.yaml"], "Both --format and --schema say what"],
    [["data", "--schema", "clicks.yaml"], "is a directory, and --schema clicks.yaml says"],
    [["data", "--format", "criteo-kaggle"], "is a directory, and --format criteo-kaggle says"],
    [["data", "--data", "."], "Two data sets"],
    [["data", "--unlabelled"], "--unlabelled is for a raw log"],
    [["data", "--max-rejects", "0.5"], "--max-rejects is for a raw log"],
    [["log.txt", "--format", "criteo-kaggle", "--split", "val"], "--split is for a prepared data set"],
  ];
  test.each(refusals)("%j", async (args, message) => {
    const isPath = (word: string) => ["nosuch.txt", "log.txt", "data", "."].includes(word);
    const { code, err } = await fae("predict", at("run"), ...args.map((word) => (isPath(word) ? at(word) : word)));
    expect(code).toBe(1);
    expect(err).toContain(message);
  });
});
