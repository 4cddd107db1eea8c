import { DataError } from "@fae/core";
import type { Pool } from "../prepare/pool.js";
import type { RankedTable } from "./rank-rows.js";

/** Positions of tables; the work on the largest is the longest, so it begins first. */
export const largestFirst = (tables: readonly { readonly rows: number }[]): number[] =>
  tables.map((_, t) => t).sort((a, b) => tables[b].rows - tables[a].rows);

/**
 * Gives the rows of each table new ids by their accesses, in the memory of `counts` where that is shared.
 * @throws DataError when there are no counts for all rows of all tables
 */
export async function rankTables(
  pool: Pool,
  tables: readonly { readonly name: string; readonly rows: number }[],
  counts: readonly Uint32Array[],
): Promise<RankedTable[]> {
  if (counts.length !== tables.length)
    throw notOfTheseData(`There are access counts of ${counts.length} tables, the data have ${tables.length}.`, {
      found: counts.length,
      expected: tables.length,
    });
  tables.forEach(({ name, rows }, t) => {
    if (counts[t].length === rows) return;
    const details = { table: name, found: counts[t].length, expected: rows };
    throw notOfTheseData(`Table "${name}" has ${rows} rows and ${counts[t].length} access counts.`, details);
  });
  const ranked: RankedTable[] = [];
  await Promise.all(
    largestFirst(tables).map(async (t) => {
      ranked[t] = await pool.run("packRanks", { counts: inSharedMemory(counts[t]) });
    }),
  );
  return ranked;
}

function inSharedMemory(counts: Uint32Array): Uint32Array {
  if (counts.buffer instanceof SharedArrayBuffer) return counts;
  const shared = new Uint32Array(new SharedArrayBuffer(counts.byteLength));
  shared.set(counts);
  return shared;
}

const notOfTheseData = (message: string, details: Record<string, unknown>) =>
  new DataError(message, { fix: "Profile this data set and pack with what that gives.", details });
