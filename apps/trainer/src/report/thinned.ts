/**
 * A series that never has more than `most` items, however many are pushed. What is pushed has a weight, such as the batches
 * that it stands for; neighbours are merged until each item but the last weighs at least `unit`, so that resolution is even
 * along the curve. Whenever the series is full, `unit` doubles, and on until half of it is free.
 */
export interface Thinned<T> {
  readonly most: number;
  readonly items: readonly T[];
  readonly weights: readonly number[];
  /** A power of two. */
  readonly unit: number;
}

export const thinned = <T>(most: number): Thinned<T> => ({ most, items: [], weights: [], unit: 1 });

export type Merge<T> = (earlier: T, later: T) => T;

/** The series with one more item. It is changed in place: only the newest state of a series is to be used. */
export function pushed<T>(series: Thinned<T>, item: T, weight: number, merge: Merge<T>): Thinned<T> {
  const { most, unit } = series;
  const full = series.items.length === most && series.weights[most - 1] >= unit;
  if (!full) {
    append(series as Growing<T>, item, weight, merge);
    return series;
  }
  let coarser = series as Growing<T>;
  while (coarser.items.length > most / 2) {
    const next: Growing<T> = { most, items: [], weights: [], unit: 2 * coarser.unit };
    for (const [i, old] of coarser.items.entries()) append(next, old, coarser.weights[i], merge);
    coarser = next;
  }
  append(coarser, item, weight, merge);
  return coarser;
}

interface Growing<T> extends Thinned<T> {
  readonly items: T[];
  readonly weights: number[];
}

function append<T>({ items, weights, unit }: Growing<T>, item: T, weight: number, merge: Merge<T>): void {
  const last = items.length - 1;
  if (last >= 0 && weights[last] < unit) {
    items[last] = merge(items[last], item);
    weights[last] += weight;
  } else {
    items.push(item);
    weights.push(weight);
  }
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
