import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { captureIo } from "../cli/test-io.js";
import { main } from "../cli.js";

let root = "";
const at = (name: string): string => join(root, name);
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-prepare-"));
  const line = ["1", ...new Array<string>(13).fill("2"), ...new Array<string>(26).fill("0000000a")].join("\t");
  const lines = new Array<string>(40).fill(line);
  writeFileSync(at("good.txt"), `${lines.join("\n")}\n`);
  writeFileSync(at("bad.txt"), `${[...lines, line.replace("2", "x"), "2", "1\t2"].join("\n")}\n`);
});
afterAll(() => rmSync(root, { recursive: true }));

async function prepare(...args: string[]) {
  const io = captureIo();
  const code = await main(["prepare", "criteo-kaggle", ...args], io);
  return { code, out: io.out(), err: io.err() };
}

test("the most frequent reason of rejected lines is told, where there are any", async () => {
  const { code, out } = await prepare(at("bad.txt"), "--out", at("bad"), "--max-rejects", "0.5");
  expect(code).toBe(0);
  expect(out).toContain("Rejected: 2 of 3 lines for 'too-few-fields'; all of them are in rejects.tsv\nWritten to");
  expect((await prepare(at("good.txt"), "--out", at("good"))).out).not.toContain("Rejected");
});
