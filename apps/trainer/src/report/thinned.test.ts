import fc from "fast-check";
import { expect, test } from "vitest";
import { merged, pushed, thinned } from "./thinned.js";

const concat = (a: number[], b: number[]) => [...a, ...b];
const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);

test("however many are pushed, the series is bounded, loses none, keeps their order and is no coarser than it must be", () => {
  const weights = fc.array(fc.integer({ min: 1, max: 70 }), { maxLength: 500, size: "max" });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), weights, (half, given) => {
      let series = thinned<number[]>(2 * half);
      for (const weight of given) {
        series = pushed(series, [weight], weight, concat);
        expect(series.items.length).toBeLessThanOrEqual(series.most);
      }
      const { items, unit } = series;
      expect(items.flat()).toEqual(given);
      expect(series.weights).toEqual(items.map(sum));
      for (const item of items.slice(0, -1)) expect(sum(item)).toBeGreaterThanOrEqual(unit);
      if (unit > 1) expect(sum(given)).toBeGreaterThan((half * unit) / 2);
    }),
  );
});

test("groups are merged in order, the last one as it is", () => {
  expect(merged([[1], [2], [3]], 2, concat)).toEqual([[1, 2], [3]]);
});
