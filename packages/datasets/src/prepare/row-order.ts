import { permutation } from "@fae/core";

/** Where each of n rows goes: a bijection of [0, n). Plain data, so that workers agree on it. */
export type RowOrder =
  | { readonly kind: "as-is" }
  /** Permuted inside each range `[starts[i], starts[i + 1])`. */
  | { readonly kind: "permuted"; readonly starts: readonly number[]; readonly seed: number };

/** Makes the function of an order. The rows asked for must not decrease. */
export function destinationOf(order: RowOrder): (row: number) => number {
  if (order.kind === "as-is") return (row) => row;
  const { starts, seed } = order;
  let range = -1;
  let start = 0;
  let end = 0;
  let permute = (i: number) => i;
  return (row) => {
    while (row >= end) {
      range++;
      start = starts[range];
      end = starts[range + 1];
      permute = permutation(end - start, seed, range);
    }
    return start + permute(row - start);
  };
}
