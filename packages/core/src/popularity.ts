const digitBits = 11;
const buckets = 1 << digitBits;

/**
 * The rows of a table that were accessed, from the most to the least accessed; equal counts keep the order of the rows. The
 * popularity order of the table is these rows and then the others as they stand. O(rows) by a stable radix sort.
 *
 * @param counts accesses per row
 */
export function popularRows(counts: Uint32Array): Uint32Array {
  // Only the part that is written takes memory.
  const rows = new Uint32Array(counts.length);
  let most = 0;
  let seen = 0;
  for (let row = 0; row < counts.length; row++) {
    const count = counts[row];
    if (count === 0) continue;
    rows[seen++] = row;
    if (count > most) most = count;
  }
  return sortedByCount(rows.subarray(0, seen), counts, most);
}

/** Stable, falling; digit by digit. */
function sortedByCount(rows: Uint32Array, counts: Uint32Array, most: number): Uint32Array {
  let from = rows;
  let to: Uint32Array = new Uint32Array(rows.length);
  const starts = new Uint32Array(buckets);
  for (let shift = 0; shift < 32 && most >>> shift > 0; shift += digitBits) {
    starts.fill(0);
    for (let i = 0; i < from.length; i++) starts[(counts[from[i]] >>> shift) & (buckets - 1)]++;
    for (let digit = buckets - 1, before = 0; digit >= 0; digit--) {
      const size = starts[digit];
      starts[digit] = before;
      before += size;
    }
    for (let i = 0; i < from.length; i++) {
      const row = from[i];
      to[starts[(counts[row] >>> shift) & (buckets - 1)]++] = row;
    }
    [from, to] = [to, from];
  }
  return from;
}
