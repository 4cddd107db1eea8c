import fc from "fast-check";
import { expect, test } from "vitest";
import { merged, pushed, type Thinned, thinned } from "./thinned.js";

const concat = (a: number[], b: number[]) => [...a, ...b];
const pushAll = (most: number, count: number): Thinned<number[]> => {
  let series = thinned<number[]>(most);
  for (let i = 0; i < count; i++) series = pushed(series, [i], concat);
  return series;
};

test("at any length, each item stands for as many in a row, and none is lost", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: 400 }), (half, count) => {
      const { items, perItem, inLast, most } = pushAll(2 * half, count);
      expect(items.length).toBeLessThanOrEqual(most);
      expect(items.flat()).toEqual(Array.from({ length: count }, (_, i) => i));
      for (const item of items.slice(0, -1)) expect(item).toHaveLength(perItem);
      expect(items.at(-1)?.length ?? 0).toBe(inLast);
      // No coarser than it must be.
      if (perItem > 1) expect(count).toBeGreaterThan((most * perItem) / 2);
    }),
  );
});

test("groups are merged in order, the last one as it is", () => {
  expect(merged([[1], [2], [3]], 2, concat)).toEqual([[1, 2], [3]]);
});
