import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FaeError } from "@fae/core";
import { expect, test } from "vitest";
import { explained } from "./system-error.js";

const thrown = (work: () => void): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
};

test("what the system says becomes a message with a way out", () => {
  expect(explained(thrown(() => readFileSync("/no/such/file")))).toMatchObject({
    code: "ERR_DATA",
    message: "'/no/such/file' does not exist. Check the path.",
  });
  expect(explained(thrown(() => rmdirSync("/dev/null/x")))).toMatchObject({ message: expect.stringContaining("none") });
  const full = Object.assign(new Error("ENOSPC"), { code: "ENOSPC", path: "runs/1/report.json" });
  expect(explained(full)).toMatchObject({ code: "ERR_DISK_FULL", details: { path: "runs/1/report.json" } });
});

test("what is in the way, in use or a loop is named", () => {
  const root = mkdtempSync(join(tmpdir(), "fae-system-"));
  const at = (name: string) => join(root, name);
  mkdirSync(at("full/below"), { recursive: true });
  mkdirSync(at("new"));
  symlinkSync("loop", at("loop"));
  const message = (work: () => void) => (explained(thrown(work)) as Error).message;
  expect(message(() => mkdirSync(at("new")))).toMatch(/new' already exists\. Name another path/);
  expect(message(() => renameSync(at("new"), at("full")))).toMatch(/full' is a directory that is not empty\. Name/);
  expect(message(() => readFileSync(at("loop")))).toMatch(/loop' leads through too many symbolic links\. Check/);
  rmSync(root, { recursive: true });
  const busy = Object.assign(new Error("EBUSY"), { code: "EBUSY", path: "/mnt" });
  expect(explained(busy)).toMatchObject({ code: "ERR_DATA", message: expect.stringContaining("'/mnt' is in use.") });
});

test("a limit on the size of files is named with a way out", () => {
  const large = Object.assign(new Error("EFBIG"), { code: "EFBIG", path: "out/train.rows" });
  expect(explained(large)).toMatchObject({
    message: expect.stringMatching(/^'out\/train.rows' became too large: .*ulimit -f.* choose another disk/),
  });
});

test("our own errors and defects stay as they are", () => {
  for (const error of [new FaeError("ERR_DATA", "x"), new TypeError("y"), "z"]) expect(explained(error)).toBe(error);
});
