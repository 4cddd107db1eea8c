/** How many rows have each access count: exact, and small whatever the table. */
export interface CountOfCounts {
  /** Distinct access counts, falling; 0 is not listed. */
  readonly counts: Float64Array;
  /** Rows with exactly that count. */
  readonly rows: Float64Array;
  /** Rows that were never accessed. */
  readonly unseenRows: number;
  /** Sum of all counts. */
  readonly accesses: number;
}

const directBins = 65536;

/** One linear pass over the counts of a table. */
export function countOfCounts(table: Uint32Array): CountOfCounts {
  const bins = new Uint32Array(directBins);
  const large: number[] = [];
  for (let row = 0; row < table.length; row++) {
    const count = table[row];
    if (count < directBins) bins[count]++;
    else large.push(count);
  }
  const rowsAt = new Map<number, number>();
  for (const count of large) rowsAt.set(count, (rowsAt.get(count) ?? 0) + 1);
  for (let count = 1; count < directBins; count++) if (bins[count] > 0) rowsAt.set(count, bins[count]);
  return fromRowsAt(rowsAt, bins[0]);
}

/** Parts of a table, or tables, taken together. */
export function mergeCountOfCounts(parts: readonly CountOfCounts[]): CountOfCounts {
  const rowsAt = new Map<number, number>();
  let unseen = 0;
  for (const part of parts) {
    unseen += part.unseenRows;
    part.counts.forEach((count, i) => {
      rowsAt.set(count, (rowsAt.get(count) ?? 0) + part.rows[i]);
    });
  }
  return fromRowsAt(rowsAt, unseen);
}

/** Rows and accesses of the rows with at least `threshold` accesses. */
export function atLeast(table: CountOfCounts, threshold: number): { rows: number; accesses: number } {
  let rows = 0;
  let accesses = 0;
  for (let i = 0; i < table.counts.length && table.counts[i] >= threshold; i++) {
    rows += table.rows[i];
    accesses += table.rows[i] * table.counts[i];
  }
  return { rows, accesses };
}

function fromRowsAt(rowsAt: ReadonlyMap<number, number>, unseenRows: number): CountOfCounts {
  const counts = Float64Array.from(rowsAt.keys()).sort().reverse();
  const rows = counts.map((count) => rowsAt.get(count) ?? 0);
  const accesses = counts.reduce((sum, count, i) => sum + count * rows[i], 0);
  return { counts, rows, unseenRows, accesses };
}
