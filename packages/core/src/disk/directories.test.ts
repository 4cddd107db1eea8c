import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSmallFile } from "../files.js";
import { existing, makeDirectory, removeEmpty } from "./directories.js";

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-directories-"));
});
afterAll(() => rmSync(root, { recursive: true }));
const at = (...names: string[]) => join(root, ...names);

test("a directory is made with those above it, and removed with those that are empty", () => {
  expect(existing(at("a", "b", "c"))).toBe(root);
  expect(makeDirectory(at("a", "b", "c"))).toBe(at("a"));
  expect(makeDirectory(at("a", "b", "c"))).toBeUndefined();
  mkdirSync(at("a", "x"));
  removeEmpty(at("a", "b", "c"), at("a"));
  expect([existsSync(at("a", "b")), existsSync(at("a", "x"))]).toEqual([false, true]);
});

test("a path that cannot be a directory is named", () => {
  writeFileSync(at("file"), "");
  expect(() => makeDirectory(at("file", "b"))).toThrow(expect.objectContaining({ code: "ENOTDIR" }));
  symlinkSync("nowhere", at("link"));
  expect(() => makeDirectory(at("link", "b"))).toThrow(
    expect.objectContaining({ path: expect.stringContaining("link") }),
  );
});

test("only small files are read as text", () => {
  writeFileSync(at("small"), "x");
  expect(readSmallFile(at("small"))).toBe("x");
  expect(() => readSmallFile(root)).toThrow("is no file");
});
