import fc from "fast-check";
import { expect, it } from "vitest";
import { partitionRows, partitionTables } from "./partition.js";

const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 2 ** 22 })), {
  minLength: 1,
  maxLength: 8,
});

it("counts each id of each column in one group", () => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 20 }), fc.nat(10_000), (rows, parts, inputs) => {
      const columns = rows.flatMap((_, table) => [
        { word: 2 * table, table },
        { word: 2 * table + 1, table },
      ]);
      const tables = rows.map((count) => ({ rows: count }));
      const groups = partitionTables(columns, tables, inputs, parts);
      expect(groups.length).toBeLessThanOrEqual(parts);
      for (const { word, table } of columns) {
        const shares = groups.flat().filter((column) => column.word === word);
        expect(shares.map(({ part }) => part).sort((a, b) => a - b)).toEqual(shares.map((_, part) => part));
        for (const share of shares) expect(share).toMatchObject({ table, mask: shares.length - 1 });
        expect(Math.log2(shares.length) % 1).toBe(0);
      }
    }),
  );
});

it("gives the threads about equal work, also when one table has most of it", () => {
  const tables = [{ rows: 2 ** 22 }, { rows: 100 }];
  const columns = Array.from({ length: 21 }, (_, word) => ({ word, table: 0 })).concat({ word: 21, table: 1 });
  const groups = partitionTables(columns, tables, 1_000_000, 8);
  expect(groups.map((group) => group.filter(({ table }) => table === 0).length)).toEqual(new Array(8).fill(21));
});

it("cuts rows into ranges that hold each of them once", () => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 20 }), (rows, parts) => {
      const ranges = partitionRows(
        rows.map((length) => ({ length })),
        parts,
      ).flat();
      rows.forEach((length, t) => {
        const own = ranges.filter(({ table }) => table === t);
        expect([0, ...own.map(({ end }) => end)]).toEqual([...own.map(({ first }) => first), length]);
      });
    }),
  );
});
