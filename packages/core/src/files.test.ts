import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { expectFile, expectNoLinks, readOriginalIds } from "./files.js";

const root = mkdtempSync(join(tmpdir(), "fae-files-"));
const at = (name: string): string => join(root, name);
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("a FIFO, a directory and a device are refused before they are opened", () => {
  execFileSync("mkfifo", [at("fifo")]);
  writeFileSync(at("file"), "");
  symlinkSync(at("file"), at("link"));
  expect(() => expectFile(at("fifo"))).toThrow(`'${at("fifo")}' is a FIFO, expected a file.`);
  expect(() => readOriginalIds(at("fifo"), "C1", 1)).toThrow("is a FIFO");
  expect(() => expectFile(root)).toThrow("is a directory");
  expect(() => expectFile("/dev/null")).toThrow("is a device or socket");
  for (const name of ["file", "link", "nowhere"]) expectFile(at(name));
});

test("a directory that holds a link at any depth is refused", () => {
  mkdirSync(at("a/b"), { recursive: true });
  expectNoLinks(at("a"));
  symlinkSync("/nowhere", at("a/b/c"));
  expect(() => expectNoLinks(at("a"))).toThrow(`'${at("a/b/c")}' is a link`);
});
