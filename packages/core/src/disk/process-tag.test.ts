import { expect, it } from "vitest";
import { isOtherAlive, processTag } from "./process-tag.js";

it("this process is not another one", () => {
  expect(processTag()).toMatch(new RegExp(`^${process.pid}-\\d+$`));
  expect(isOtherAlive(processTag())).toBe(false);
  expect(isOtherAlive(String(process.pid))).toBe(false);
});

it("knows living and gone processes by number", () => {
  expect(isOtherAlive(String(process.ppid))).toBe(true);
  expect(isOtherAlive("999999999")).toBe(false);
  expect(isOtherAlive("999999999-77")).toBe(false);
});

it.skipIf(process.platform !== "linux")("a living process of another start has only inherited the number", () => {
  expect(isOtherAlive(`${process.ppid}-1`)).toBe(false);
});
