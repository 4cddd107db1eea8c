import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

test("what a user should know of the log is in the summary, in --json and in inspect", async () => {
  const warning = "Split 'val' has no inputs.";
  const days = ["--days", "40"];
  const { code, out } = await prepare(at("good.txt"), "--out", at("days"), ...days);
  expect(code).toBe(0);
  expect(out).toMatch(/\nWarning: Split 'val' has no inputs\..*\(--days\) or more of the log\.\n(.|\n)*Written to/);
  const json = JSON.parse((await prepare(at("good.txt"), "--out", at("json"), ...days, "--json")).out);
  expect(json.manifest.warnings).toContainEqual({ code: "empty-split", message: expect.stringContaining(warning) });
  const io = captureIo();
  expect(await main(["inspect", at("days")], io)).toBe(0);
  expect(io.out()).toContain(`Warning: ${warning}`);
});

test("files in the order of a shell are refused, and taken with --as-given", async () => {
  const names = ["part_1.txt", "part_10.txt", "part_2.txt"].map(at);
  const log = readFileSync(at("good.txt"), "utf8");
  for (const [i, name] of names.entries()) writeFileSync(name, log.replaceAll("\t2", `\t${i}`));
  const refused = await prepare(...names, "--out", at("parts"));
  expect(refused.code).toBe(1);
  expect(refused.err).toContain("'part_10.txt' comes before 'part_2.txt'");
  const taken = await prepare(...names, "--out", at("parts"), "--as-given");
  expect(taken.code).toBe(0);
  expect(taken.out).toContain("Warning: 'part_10.txt' comes before 'part_2.txt'");
});

test("evaluating a split without inputs fails and says so", async () => {
  const io = captureIo();
  await prepare(at("good.txt"), "--out", at("to-train"), "--days", "40");
  const train = ["train", at("to-train"), "--model", "rmc2", "--engine", "reference", "--run", at("run")];
  expect(await main([...train, "--max-batches", "1", "--batch", "4"], captureIo())).toBe(0);
  expect(await main(["evaluate", at("run"), at("to-train"), "--split", "val", "--engine", "reference"], io)).toBe(1);
  expect(io.out()).toBe("");
  expect(io.err()).toMatch(/Split 'val' of '.*to-train' has no inputs: there is nothing to evaluate\./);
});

test("the multiple of Taobao's users is an option", async () => {
  const actions = Array.from({ length: 900 }, (_, i) => `${i % 40},${(i * 7) % 90},${i % 5},pv,${1000 + i}`);
  writeFileSync(at("UserBehavior.csv"), `${actions.join("\n")}\n`);
  const taobao = async (...args: string[]) => {
    const io = captureIo();
    const code = await main(["prepare", "taobao", at("UserBehavior.csv"), ...args], io);
    return { code, out: io.out(), err: io.err() };
  };
  const few = await taobao("--out", at("taobao"));
  expect(few.code).toBe(1);
  expect(few.err).toContain("or a smaller usersMultiple (--users-multiple)");
  const all = await taobao("--out", at("taobao"), "--users-multiple", "1");
  expect(all.code).toBe(0);
  expect(all.out).not.toContain("has no inputs");
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
