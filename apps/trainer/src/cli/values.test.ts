import { expect, test } from "vitest";
import { count, number } from "./values.js";

test.each([["1e400"], ["-1e400"], [Number.POSITIVE_INFINITY], [Number.NaN]])(
  "%s is no number that an option takes",
  (value) => {
    expect(number().safeParse(value).success).toBe(false);
    expect(count().safeParse(value).success).toBe(false);
  },
);

test("numbers read as people write them", () => {
  expect(["1_000", "-2.5e-3", 7].map((value) => number().parse(value))).toEqual([1000, -0.0025, 7]);
  expect(["1e6", "2.3M", "10k"].map((value) => count().parse(value))).toEqual([1_000_000, 2_300_000, 10_000]);
});
