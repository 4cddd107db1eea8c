/**
 * A series that never has more than `most` items, however many are pushed: each item stands for `perItem` pushed ones in a row
 * (the last one perhaps for fewer). When it is full, neighbours are merged two by two. So item i holds exactly the pushed ones
 * `i * perItem` to `(i + 1) * perItem - 1`, whenever one looks.
 */
export interface Thinned<T> {
  readonly most: number;
  readonly items: readonly T[];
  /** A power of two. */
  readonly perItem: number;
  readonly inLast: number;
}

/** @param most an even number */
export const thinned = <T>(most: number): Thinned<T> => ({ most, items: [], perItem: 1, inLast: 0 });

export type Merge<T> = (earlier: T, later: T) => T;

/** The series with one more item. `items` is changed in place: only the newest state of a series is to be used. */
export function pushed<T>(series: Thinned<T>, item: T, merge: Merge<T>): Thinned<T> {
  const { most, perItem, inLast } = series;
  const items = series.items as T[];
  const last = items.length - 1;
  if (last >= 0 && inLast < perItem) {
    items[last] = merge(items[last], item);
    return { most, items, perItem, inLast: inLast + 1 };
  }
  if (items.length < most) {
    items.push(item);
    return { most, items, perItem, inLast: 1 };
  }
  return { most, items: [...merged(items, 2, merge), item], perItem: 2 * perItem, inLast: 1 };
}

/** Groups of so many items in a row, each merged into one. */
export function merged<T>(items: readonly T[], group: number, merge: Merge<T>): T[] {
  const groups: T[] = [];
  for (const [i, item] of items.entries()) {
    if (i % group === 0) groups.push(item);
    else groups[groups.length - 1] = merge(groups[groups.length - 1], item);
  }
  return groups;
}
