import { DataError, popularRows } from "@fae/core";

/**
 * Rows from the most to the least accessed: `original[i]` is the row that gets id `i`. Equal counts keep the order of the
 * rows, so rows never seen stay in order behind the seen ones. O(rows).
 *
 * @param counts accesses per row
 */
export function popularityOrder(counts: Uint32Array): Uint32Array {
  const popular = popularRows(counts);
  const order = new Uint32Array(counts.length);
  order.set(popular);
  for (let row = 0, id = popular.length; row < counts.length; row++) if (counts[row] === 0) order[id++] = row;
  return order;
}

/**
 * The other direction: `inverse[original[i]] = i`.
 * @throws DataError when `original` is not a permutation of `0 .. length - 1`.
 */
export function inverseOrder(original: Uint32Array): Uint32Array {
  const inverse = emptyInverse(original.length);
  placeInverse(inverse, original, 0);
  return inverse;
}

/** Marks a place of an inverse that is not filled; no order is that long. */
const unset = 0xffffffff;

/** An inverse of `rows` places, all still unset. */
export const emptyInverse = (rows: number): Uint32Array => new Uint32Array(rows).fill(unset);

/** Fills `inverse` from a part of an order that starts at id `from`. @throws DataError for a row out of range or seen twice. */
export function placeInverse(inverse: Uint32Array, part: Uint32Array, from: number): void {
  const rows = inverse.length;
  for (let i = 0; i < part.length; i++) {
    const row = part[i];
    if (row >= rows || inverse[row] !== unset)
      throw new DataError(
        `Not an order of ${rows} rows: id ${from + i} stands for row ${row}${row < rows ? `, and so does id ${inverse[row]}` : ""}.`,
        {
          fix: "The file of original ids is damaged or belongs to another table; pack the data again.",
          details: { id: from + i, row, rows },
        },
      );
    inverse[row] = from + i;
  }
}

/** The order that applies `first` and then `second`: `composed[i] = first[second[i]]`. */
export function composeOrders(first: Uint32Array, second: Uint32Array): Uint32Array {
  if (first.length !== second.length)
    throw new DataError(`Orders of ${first.length} and ${second.length} rows cannot be composed.`, {
      fix: "Both must belong to the same table.",
      details: { expected: first.length, found: second.length },
    });
  return second.map((row) => first[row]);
}
