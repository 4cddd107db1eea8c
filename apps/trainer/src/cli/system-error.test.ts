import { readFileSync, rmdirSync } from "node:fs";
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

test("our own errors and defects stay as they are", () => {
  for (const error of [new FaeError("ERR_DATA", "x"), new TypeError("y"), "z"]) expect(explained(error)).toBe(error);
});
