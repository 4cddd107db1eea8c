import { nameOf } from "./check-schema.js";
import { hashOf } from "./hash.js";
import type { TableColumn } from "./log-schema.js";
import { decimalOf } from "./numbers.js";
import { TextDictionary } from "./text-dictionary.js";

/** Ids of the keys of one table; an empty range is the missing value. */
export interface TableIds {
  idOf(bytes: Uint8Array, start: number, end: number): number;
  /** Where ids are numbered as keys appear. */
  readonly dictionary: TextDictionary | null;
}

/** Ids while a log is prepared: a dictionary grows. */
export function growingIds(table: TableColumn): TableIds {
  const { buckets, ids, rows = 0, seed = 0, extract } = table;
  if (extract) return { dictionary: null, idOf: () => 0 }; // the id comes from the time, not from a key
  if (buckets) return { dictionary: null, idOf: (bytes, start, end) => bucketOf(buckets, bytes, start, end) };
  if (ids === "hash") {
    // Row 0 is the missing value, so that no key shares it.
    const idOf: TableIds["idOf"] = (bytes, start, end) =>
      start === end ? 0 : 1 + (hashOf(bytes, start, end, seed) % (rows - 1));
    return { dictionary: null, idOf };
  }
  const dictionary = new TextDictionary(nameOf(table));
  return { dictionary, idOf: (bytes, start, end) => dictionary.add(bytes, start, end) };
}

/** How many bounds are at most the value; the row after the last bucket is the missing value. */
export function bucketOf(bounds: readonly number[], bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return bounds.length + 1;
  const value = decimalOf(bytes, start, end);
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bounds[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
