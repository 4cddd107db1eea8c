import { expect, test } from "vitest";
import { interleave, spreadOf } from "./spread.js";

test("the median of an even count lies between the middle two", () => {
  expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4, n: 4 });
});

test("every variant runs once a round, first in turn, some once before", async () => {
  const order: string[] = [];
  const rounds = { repeats: 2, secondsLeft: () => 1 };
  const results = await interleave(["a", "b"], rounds, ["b"], async (name, repeat) => {
    order.push(name + repeat);
    return repeat;
  });
  expect(order).toEqual(["b-1", "a0", "b0", "b1", "a1"]);
  expect(results.get("a")).toEqual([0, 1]);
});
