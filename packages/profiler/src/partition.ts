import { availableParallelism } from "node:os";
import { ConfigError } from "@fae/core";
import type { RowSource } from "./blocks.js";
import type { Column } from "./columns.js";
import type { Share } from "./count-column.js";
import type { RowRange } from "./tasks/histogram.js";

/** Threads to use: what was asked, else one per core. @throws ConfigError when it is not a positive whole number. */
export function threadCount(workers: number | undefined, source: RowSource): number {
  const count = workers ?? availableParallelism();
  if (!Number.isInteger(count) || count < 1)
    throw new ConfigError(`The number of workers is ${count}, expected a whole number of at least 1.`, {
      fix: "Leave the option out to use one per core.",
      details: { option: "workers", found: count },
    });
  const { storage } = source;
  // Memory that is not shared would be copied to every thread.
  return storage.kind === "memory" && !(storage.words.buffer instanceof SharedArrayBuffer) ? 1 : count;
}

/** A table with more rows than this misses the cache on most of its rare accesses. */
const cachedRows = 2 ** 17;
const missCost = 3;

/**
 * Columns in at most `parts` groups of about equal work; a table that is too much for one group is shared out. Groups come out
 * the same for the same tables.
 */
export function partitionTables(
  columns: readonly Column[],
  tables: readonly { readonly rows: number }[],
  inputs: number,
  parts: number,
): (Column & Share)[][] {
  const columnsAt = tables.map((_, t) => columns.filter(({ table }) => table === t));
  // In accesses that hit the cache. The first touch of its memory costs about one per row.
  const costOf = tables.map(({ rows }, t) => inputs * columnsAt[t].length * (rows > cachedRows ? missCost : 1) + rows);
  const most = costOf.reduce((sum, cost) => sum + cost, 0) / parts;
  const shares = tables.flatMap(({ rows }, t) => {
    let count = 1;
    while (costOf[t] > count * most && count < parts) count *= 2;
    // Pages of a large table have one writer; the most accessed rows of a small one may be neighbours.
    const shift = rows > cachedRows ? 10 : 4;
    return Array.from({ length: count }, (_, part) => ({
      cost: costOf[t] / count,
      columns: columnsAt[t].map((column) => ({ ...column, part, mask: count - 1, shift })),
    }));
  });
  const groups = Array.from({ length: parts }, () => ({ cost: 0, columns: [] as (Column & Share)[] }));
  for (const share of shares.sort((a, b) => b.cost - a.cost)) {
    const least = groups.reduce((a, b) => (b.cost < a.cost ? b : a));
    least.columns.push(...share.columns);
    least.cost += share.cost;
  }
  return groups.map((group) => group.columns).filter((group) => group.length > 0);
}

/** The rows of all tables in at most `parts` groups of as many rows. */
export function partitionRows(tables: readonly { readonly length: number }[], parts: number): RowRange[][] {
  const rows = tables.reduce((sum, { length }) => sum + length, 0);
  return partitionInputs(rows, parts, 1).map((group) => {
    const ranges: RowRange[] = [];
    let before = 0;
    tables.forEach(({ length }, table) => {
      const range = { table, first: Math.max(0, group.first - before), end: Math.min(length, group.end - before) };
      if (range.first < range.end) ranges.push(range);
      before += length;
    });
    return ranges;
  });
}

/** `[0, inputs)` in at most `parts` ranges; inner bounds are multiples of `unit`. */
export function partitionInputs(inputs: number, parts: number, unit: number): { first: number; end: number }[] {
  const share = Math.max(unit, Math.ceil(inputs / parts / unit) * unit);
  const ranges: { first: number; end: number }[] = [];
  for (let first = 0; first < inputs; first += share) ranges.push({ first, end: Math.min(first + share, inputs) });
  return ranges;
}
