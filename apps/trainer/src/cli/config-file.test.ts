import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { main } from "../cli.js";
import { defineCommand, option } from "./command.js";
import { readConfigFile } from "./config-file.js";
import { captureIo } from "./test-io.js";
import { number } from "./values.js";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "fae-config-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const config = (content: string): string => {
  const path = join(directory, "run.yaml");
  writeFileSync(path, content);
  return path;
};
const read = (content: string) => readConfigFile(config(content), "train", ["batch", "lr"], ["train", "pack"]);

test("a file that is too large to look for keys that repeat is refused at once", () => {
  const content = Array.from({ length: 200_000 }, (_, i) => `k${i}: 1\n`).join("");
  expect(() => read(content)).toThrow(/run.yaml has \d+ bytes, at most 65536 are read/);
});

test("an alias stands for what its anchor holds", () => {
  expect(read("lr: &rate 0.5\nbatch: *rate\n").get("batch")).toEqual({ value: 0.5, line: 2 });
  expect(read("pack: &same\n  batch: 3\ntrain: *same\n").get("batch")).toEqual({ value: 3, line: 2 });
});

test.each([
  ["batch: &a [*a]\n", /run\.yaml line 1: batch: .*circular/i],
  ["lr: 1\nbatch: *x\n", /run\.yaml line 2: batch: Unresolved alias .*: x\. Set the anchor before/],
  ["train:\n  batch: [*x]\n", /line 2: batch: Unresolved alias/],
  ["train: *x\n", /line 1: train: Unresolved alias/],
  ["train: 3\n", /line 1: train: found 3, expected the options of 'fae train'\. Give them as indented 'option: value'/],
  ["lr: 1\npack: [batch]\n", /line 2: pack: found \["batch"\], expected the options of 'fae pack'\./],
])("refuses %j", (content, message) => {
  expect(() => read(content)).toThrow(
    expect.objectContaining({ code: "ERR_CONFIG", message: expect.stringMatching(message) }),
  );
});

test("an infinite number is shown as one", async () => {
  const rated = defineCommand({
    name: "rated",
    summary: "Takes a rate.",
    operands: [],
    options: { lr: option("--lr <rate>", "rate", number().optional()) },
    example: "fae rated",
    run: async () => ({ json: {}, text: "" }),
  });
  const io = captureIo();
  expect(await main(["rated", "--config", config("lr: .inf\n")], io, [rated])).toBe(1);
  expect(io.err()).toContain("line 1: lr: found Infinity, expected a number.");
});
