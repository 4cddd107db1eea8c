import { expect, test } from "vitest";
import { gapCheck, largestGap } from "./gap.js";

test("the largest difference of all lists to the first counts", () => {
  expect(largestGap([1, 2], [1, 2.5], [0, 2])).toBe(1);
  expect(gapCheck("a is b", 0, 0, "2 batches")).toEqual({
    what: "a is b",
    passed: true,
    detail: "2 batches, largest difference 0, allowed 0",
  });
  expect(gapCheck("a is b", 1, 0.5, "2 batches").passed).toBe(false);
});

test.each([
  ["no list", [[1]]],
  ["no numbers", [[], []]],
  ["fewer numbers", [[1, 2], [1]]],
  ["more numbers", [[1], [1, 2]]],
  ["no list of numbers among others", [[1], [1], []]],
  ["numbers that both lack", [[null], [null]]],
  ["numbers that one lacks", [[1], [null]]],
] as const)("%s cannot be compared, and the check fails", (_, [first, ...others]) => {
  const gap = largestGap(first, ...others);
  expect(gap).toBeNull();
  expect(gapCheck("a is b", gap, 1, "batches")).toMatchObject({
    passed: false,
    detail: expect.stringContaining("nothing to compare"),
  });
});

test("a loss that is no number agrees with nothing", () => {
  expect(gapCheck("a is b", largestGap([Number.NaN], [Number.NaN]), 1, "batches").passed).toBe(false);
});
