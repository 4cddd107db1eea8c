import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { freshPath, type StageOptions, stageFile } from "./stage-file.js";

let root = "";
const at = (...parts: string[]): string => join(root, ...parts);
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "fae-stage-"));
});
afterEach(() => rmSync(root, { recursive: true }));

async function staged(path: string, text: string, options?: StageOptions) {
  const file = await stageFile(path, options);
  await file.write(Buffer.from(text));
  return file;
}
/** As on a file system without hard links. */
const link = () => Promise.reject(Object.assign(new Error("no links"), { code: "EPERM" }));

describe.each<[string, StageOptions]>([
  ["with hard links", {}],
  ["without hard links", { link }],
])("%s", (_, options) => {
  test("of two that write the same file one wins, and the other is told", async () => {
    const [first, second] = [await staged(at("out"), "first", options), await staged(at("out"), "second", options)];
    await second.commit();
    await expect(first.commit()).rejects.toThrow("out already exists");
    await first.discard();
    await second.discard();
    expect(readFileSync(at("out"), "utf8")).toBe("second");
    expect(readdirSync(root)).toEqual(["out"]);
  });
});

test("replaces when told", async () => {
  for (const text of ["old", "new"]) await (await staged(at("page"), text, { taken: "replace" })).commit();
  expect(readFileSync(at("page"), "utf8")).toBe("new");
});

test("leftovers of killed processes are removed, those of living ones stay", async () => {
  const dead = ["out.999999999-1.0123abcd.partial", "out.999999999-1.0123abcd.partial.partial"];
  const kept = [`out.${process.ppid}.0123abcd.partial`, "out.999999999.0123abcd.notes", "out.partial"];
  for (const name of [...dead, ...kept]) writeFileSync(at(name), "");
  await (await staged(at("out"), "text")).discard();
  expect(readdirSync(root).sort()).toEqual(kept.sort());
});

test("what a killed process had named and not finished is written anew", async () => {
  const dead = at("out.999999999-1.0123abcd.partial");
  writeFileSync(dead, "old");
  linkSync(dead, at("out"));
  const file = await staged(at("out"), "new");
  await file.commit();
  expect(readdirSync(root)).toHaveLength(2);
  await file.discard();
  expect(readFileSync(at("out"), "utf8")).toBe("new");
  expect(readdirSync(root)).toEqual(["out"]);
});

test("names that are taken or that no file can have are refused as they were given", async () => {
  mkdirSync(at("directory"));
  symlinkSync(at("nothing"), at("link"));
  expect(() => freshPath(at("link"))).toThrow("link already exists");
  expect(() => freshPath(`${at("new")}/`)).toThrow(`${at("new")}/ names a directory`);
  await expect(stageFile(at("directory"), { taken: "replace" })).rejects.toThrow(
    `${at("directory")} names a directory`,
  );
});
