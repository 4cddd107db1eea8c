import { Random } from "@fae/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { composeOrders, inverseOrder, popularityOrder } from "./popularity.js";

describe("popularityOrder", () => {
  it("puts the most accessed row first and keeps the order of ties", () => {
    expect([...popularityOrder(Uint32Array.of(1, 5, 0, 5, 0, 9))]).toEqual([5, 1, 3, 0, 2, 4]);
  });

  it("equals a stable sort by descending count", () => {
    const counts = fc.array(fc.oneof(fc.nat(3), fc.nat(5000), fc.integer({ min: 0, max: 0xffffffff })), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(counts, (list) => {
        const expected = list.map((_, row) => row).sort((a, b) => list[b] - list[a] || a - b);
        expect([...popularityOrder(Uint32Array.from(list))]).toEqual(expected);
      }),
    );
  });

  it("has an inverse, and the inverse of the inverse is the order", () => {
    const random = new Random(7);
    const order = popularityOrder(Uint32Array.from({ length: 10_000 }, () => random.below(50)));
    const inverse = inverseOrder(order);
    expect(order.every((row, id) => inverse[row] === id)).toBe(true);
    expect(inverseOrder(inverse)).toEqual(order);
    expect(composeOrders(order, inverse)).toEqual(Uint32Array.from(order, (_, id) => id));
  });
});

describe("inverseOrder", () => {
  it("refuses what is no permutation", () => {
    expect(() => inverseOrder(Uint32Array.of(0, 2, 2))).toThrow(/id 2 stands for row 2, and so does id 1/);
    expect(() => inverseOrder(Uint32Array.of(0, 3, 1))).toThrow(/id 1 stands for row 3\./);
  });
});
