import { expect, test } from "vitest";
import { sharedWork } from "./once.js";

test("shared work is done once, failed work again", async () => {
  const once = sharedWork();
  let calls = 0;
  const count = async () => ++calls;
  expect([await once("a", count), await once("a", count), await once("b", count)]).toEqual([1, 1, 2]);
  await expect(once("c", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await once("c", count)).toBe(3);
});
