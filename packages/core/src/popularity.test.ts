import fc from "fast-check";
import { expect, it } from "vitest";
import { popularRows } from "./popularity.js";

it("gives accessed rows by falling counts, equal ones in order", () => {
  expect([...popularRows(Uint32Array.of(1, 5, 0, 5, 0, 9))]).toEqual([5, 1, 3, 0]);
  expect([...popularRows(Uint32Array.of(0, 0))]).toEqual([]);
});

it("equals a stable sort of the accessed rows, for counts of every size", () => {
  const counts = fc.array(fc.oneof(fc.nat(3), fc.nat(5000), fc.integer({ min: 0, max: 0xffffffff })), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(counts, (list) => {
      const rows = list.map((_, row) => row).filter((row) => list[row] > 0);
      expect([...popularRows(Uint32Array.from(list))]).toEqual(rows.sort((a, b) => list[b] - list[a] || a - b));
    }),
  );
});
