import { ConfigError, checkArguments, checkOptions, PlanError } from "@fae/core";
import { budgetKinds, countsAndHistograms } from "./call-kinds.js";
import { type CountOfCounts, mergeCountOfCounts } from "./count-of-counts.js";

/**
 * The rows that are kept on the device. Within each table they are the first `hotRows` in popularity order: accesses
 * falling, equal ones by id.
 */
export interface HotSet {
  /** By table. */
  readonly hotRows: readonly number[];
  /** Of all tables. */
  readonly rows: number;
  /** Device bytes: rows with their optimizer state. Never above the budget. */
  readonly bytes: number;
  /** By table: hot as a whole because it is small, accessed or not. */
  readonly whole: readonly boolean[];
  /** Every row of the other tables with more accesses (as counted) is hot, none with fewer. */
  readonly threshold: number;
  /** By table: of the rows with exactly `threshold` accesses, those with ids up to this one are hot; -1: none. */
  readonly lastTie: readonly number[];
}

export interface BudgetOptions {
  /** Bytes of one row with its optimizer state: 4 x (D + state values). */
  readonly rowBytes: number;
  /** Device bytes for hot rows with their optimizer state. */
  readonly budgetBytes: number;
  /** Tables of fewer bytes (rows x `rowBytes`) are hot as a whole; default 1 MiB, 0 for none. */
  readonly smallTableBytes?: number;
}

export const usualSmallTableBytes = 1024 * 1024;

/**
 * The exact choice: fills the budget with the small tables and then with the most accessed rows of the others, whichever
 * table they are in. Rows that were never accessed are not hot. Ties at the threshold go by table, then by id.
 *
 * @param histograms `countOfCounts` of each table.
 * @throws PlanError when the budget does not hold the small tables, or not a single row.
 */
export function chooseHotSet(
  counts: readonly Uint32Array[],
  histograms: readonly CountOfCounts[],
  options: BudgetOptions,
): HotSet {
  checkArguments("chooseHotSet", countsAndHistograms(counts, histograms));
  checkOptions<BudgetOptions>("chooseHotSet", options, budgetKinds);
  const { whole, rowsLeft } = placeSmallTables(counts, options);
  const together = mergeCountOfCounts(histograms.filter((_, t) => !whole[t]));
  let left = rowsLeft;
  let threshold = (together.counts[0] ?? 0) + 1;
  let ties = 0;
  for (let i = 0; i < together.counts.length && left > 0; i++) {
    threshold = together.counts[i];
    ties = Math.min(left, together.rows[i]);
    left -= ties;
  }
  const lastTie: number[] = [];
  const hotRows: number[] = [];
  counts.forEach((table, t) => {
    if (whole[t]) {
      hotRows.push(table.length);
      lastTie.push(-1);
      return;
    }
    const { above, equal } = rowsAround(histograms[t], threshold);
    const taken = Math.min(equal, ties);
    ties -= taken;
    hotRows.push(above + taken);
    lastTie.push(taken === equal && taken > 0 ? table.length - 1 : idOfTie(table, threshold, taken));
  });
  return hotSet({ hotRows, whole, threshold, lastTie }, options.rowBytes);
}

/**
 * Every row with at least `threshold` accesses (at least 1), and the small tables; null when that is more than the budget.
 * @throws PlanError as `chooseHotSet`
 */
export function hotSetAt(
  counts: readonly Uint32Array[],
  histograms: readonly CountOfCounts[],
  threshold: number,
  options: BudgetOptions,
): HotSet | null {
  const { whole } = placeSmallTables(counts, options);
  const hotRows = counts.map((table, t) => {
    if (whole[t]) return table.length;
    const { above, equal } = rowsAround(histograms[t], threshold);
    return above + equal;
  });
  const lastTie = counts.map((table, t) => (whole[t] ? -1 : table.length - 1));
  const made = hotSet({ hotRows, whole, threshold, lastTie }, options.rowBytes);
  return made.bytes <= options.budgetBytes ? made : null;
}

/** Which tables are hot as a whole, and how many rows of the others the budget still holds. */
export function placeSmallTables(
  tables: readonly { readonly length: number }[],
  { rowBytes, budgetBytes, smallTableBytes = usualSmallTableBytes }: BudgetOptions,
): { readonly whole: boolean[]; readonly rowsLeft: number } {
  if (!Number.isInteger(rowBytes) || rowBytes < 4)
    throw new ConfigError(`A row has ${rowBytes} bytes, expected a whole number of at least 4.`, {
      fix: "Give 4 x (embedding width + optimizer state values per row).",
      details: { option: "rowBytes", found: rowBytes },
    });
  if (!(budgetBytes >= rowBytes))
    throw new PlanError(`The budget of ${budgetBytes} bytes does not hold one row of ${rowBytes} bytes.`, {
      fix: "Raise the budget (256 MiB is usual), or train with a strategy without hot rows: dlrm-hybrid or cpu-only.",
      details: { budgetBytes, needBytes: rowBytes },
    });
  const whole = tables.map(({ length }) => length * rowBytes < smallTableBytes);
  const smallBytes = tables.reduce((sum, { length }, t) => sum + (whole[t] ? length * rowBytes : 0), 0);
  if (smallBytes > budgetBytes)
    throw new PlanError(
      `The budget of ${budgetBytes} bytes does not hold the small tables: ${whole.filter(Boolean).length} tables under ${smallTableBytes} bytes need ${smallBytes}.`,
      {
        fix: `Raise the budget to at least ${smallBytes} bytes, or set smallTableBytes ('fae profile --small-tables') to 0 so that only accessed rows are hot.`,
        details: { budgetBytes, needBytes: smallBytes, smallTableBytes },
      },
    );
  return { whole, rowsLeft: Math.floor((budgetBytes - smallBytes) / rowBytes) };
}

/** Whether a row with so many accesses is hot. */
export const isHotRow = (count: number, { whole, threshold, lastTie }: HotSet, table: number, id: number): boolean =>
  whole[table] || count > threshold || (count === threshold && id <= lastTie[table]);

/** One bit per row, 1 for hot, in shared memory. */
export function hotRowBits(counts: Uint32Array, set: HotSet, table: number): Uint32Array {
  const bits = new Uint32Array(new SharedArrayBuffer(4 * Math.ceil(counts.length / 32)));
  if (set.whole[table]) return bits.fill(0xffffffff);
  for (let id = 0; id < counts.length; id++) if (isHotRow(counts[id], set, table, id)) bits[id >>> 5] |= 1 << (id & 31);
  return bits;
}

const hotSet = (parts: Omit<HotSet, "rows" | "bytes">, rowBytes: number): HotSet => {
  const rows = parts.hotRows.reduce((sum, hot) => sum + hot, 0);
  return { ...parts, rows, bytes: rows * rowBytes };
};

function rowsAround(histogram: CountOfCounts, threshold: number): { above: number; equal: number } {
  let above = 0;
  for (let i = 0; i < histogram.counts.length; i++) {
    if (histogram.counts[i] > threshold) above += histogram.rows[i];
    else return { above, equal: histogram.counts[i] === threshold ? histogram.rows[i] : 0 };
  }
  return { above, equal: 0 };
}

/** Id of the `taken`-th row with exactly `threshold` accesses; -1 for none. */
function idOfTie(table: Uint32Array, threshold: number, taken: number): number {
  let left = taken;
  for (let id = 0; left > 0 && id < table.length; id++) if (table[id] === threshold && --left === 0) return id;
  return -1;
}
