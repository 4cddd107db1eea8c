import { partOf } from "./dense-column.js";
import type { TableColumn } from "./log-schema.js";
import { decimalOf, integerText } from "./numbers.js";
import type { RowReason } from "./row-block.js";
import { type Elements, separatorOf, splitCell } from "./split-cell.js";

export type { Elements } from "./split-cell.js";

/** Finds the keys of one table in its cells. */
export interface TableReader {
  readonly isSequence: boolean;
  /** Puts the keys of a cell into `out`, an empty range for a missing value. Returns why they are not valid, or null. */
  elements(bytes: Uint8Array, start: number, end: number, out: Elements): RowReason | null;
  /** Id of a part of the time. */
  timeId(seconds: number): number;
}

export function tableReader(table: TableColumn, steps: number): TableReader {
  const { list, sequence, type, buckets, extract } = table;
  const separator = separatorOf(list ?? sequence);
  const canonical = new Int32Array(2);
  /** Checks each key, and brings integers to their one form. */
  const check = (bytes: Uint8Array, { count, ranges }: Elements): RowReason | null => {
    for (let i = 0; i < 2 * count; i += 2) {
      if (ranges[i] === ranges[i + 1]) continue;
      if (buckets) {
        const value = decimalOf(bytes, ranges[i], ranges[i + 1]);
        if (Number.isNaN(value)) return "not-a-number";
      } else if (type === "integer") {
        if (!integerText(bytes, ranges[i], ranges[i + 1], canonical)) return "not-an-integer";
        ranges[i] = canonical[0];
        ranges[i + 1] = canonical[1];
      }
    }
    return null;
  };
  return {
    isSequence: sequence !== undefined,
    timeId: (seconds) => partOf(seconds, extract),
    elements(bytes, start, end, out) {
      if (list || sequence) splitCell(bytes, start, end, separator, out);
      else {
        out.count = 1;
        out.ranges[0] = Math.max(0, start);
        out.ranges[1] = start < 0 ? 0 : end;
      }
      if (sequence && out.count !== steps) return "wrong-length";
      if (list && out.count > list.most) {
        if (list.longer === "reject") return "list-too-long";
        if (list.longer === "last") out.ranges.copyWithin(0, 2 * (out.count - list.most), 2 * out.count);
        out.count = list.most;
      }
      return check(bytes, out);
    },
  };
}

/** Rows that a table has whatever the log holds; null where keys decide. */
export function fixedRows({ ids, rows, buckets, extract }: TableColumn): number | null {
  if (extract) return extract === "hour" ? 24 : 7;
  if (buckets) return buckets.length + 2;
  return ids === "hash" ? (rows ?? null) : null;
}
