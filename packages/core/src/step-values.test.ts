import { expect, test } from "vitest";
import { stepOf, stepValues } from "./step-values.js";

test("a step keeps its value where one float32 would round it", () => {
  for (const step of [0, 1, 2 ** 24 - 1, 2 ** 24, 2 ** 24 + 1, 2 ** 32 + 1, 2 ** 48 - 1])
    expect(stepOf(stepValues(step))).toBe(step);
  expect(() => stepOf([3])).toThrow("has two values, found 1");
});
