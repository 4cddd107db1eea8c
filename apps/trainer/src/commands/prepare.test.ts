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

test.each([
  [["--train-users", "3"], /Option series \(--train-users, .*expected none for criteo-kaggle/],
  [["--ids", "hash"], /Option maxRowsPerTable \(--max-rows-per-table\) is "none", expected 1 to 2147483647 when ids/],
  [["--part-bytes", "0"], /Option --part-bytes: found "0"/],
])("%j is refused in words of the command line", async (flags, message) => {
  const { code, err } = await prepare(at("good.txt"), "--out", at("refused"), ...flags);
  expect(code).toBe(1);
  expect(err).toMatch(message);
});
