import { availableParallelism } from "node:os";
import { ConfigError } from "@fae/core";
import type { RowSource } from "./blocks.js";
import type { Column } from "./columns.js";

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
 * Columns in at most `parts` groups of about equal work, all columns of a table in one group, so that each table has one
 * writer. Groups come out the same for the same tables.
 */
export function partitionTables(
  columns: readonly Column[],
  tables: readonly { readonly rows: number }[],
  parts: number,
): Column[][] {
  const cost = tables.map(
    ({ rows }, t) => columns.filter(({ table }) => table === t).length * (rows > cachedRows ? missCost : 1),
  );
  const groups = Array.from({ length: parts }, () => ({ cost: 0, tables: new Set<number>() }));
  for (const t of cost.map((_, index) => index).sort((a, b) => cost[b] - cost[a] || a - b)) {
    const least = groups.reduce((a, b) => (b.cost < a.cost ? b : a));
    least.tables.add(t);
    least.cost += cost[t];
  }
  return groups
    .map((group) => columns.filter(({ table }) => group.tables.has(table)))
    .filter((group) => group.length > 0);
}

/** `[0, inputs)` in at most `parts` ranges; inner bounds are multiples of `unit`. */
export function partitionInputs(inputs: number, parts: number, unit: number): { first: number; end: number }[] {
  const share = Math.max(unit, Math.ceil(inputs / parts / unit) * unit);
  const ranges: { first: number; end: number }[] = [];
  for (let first = 0; first < inputs; first += share) ranges.push({ first, end: Math.min(first + share, inputs) });
  return ranges;
}
