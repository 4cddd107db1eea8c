import { nameKey, permutation } from "@fae/core";
import { createRankTable, type RankLaw, rankAt } from "./rank-law.js";
import { scaledLaw } from "./scaled-law.js";

/** A row of the item table and the categories it could be drawn through: items are numbered by slot, category after category. */
export interface ItemLaw {
  readonly items: number;
  readonly categories: number;
  /** Row ids of slots and of categories by popularity: seeded bijections. */
  readonly itemId: (slot: number) => number;
  readonly categoryId: (category: number) => number;
  /** First slot of each category, then the number of items. */
  readonly starts: Uint32Array;
  /** Category (0 the most popular) at cumulative share u in (0, 1). */
  categoryAt(u: number): number;
  /** Slot of an item of a category at cumulative share u in (0, 1). */
  slotAt(category: number, u: number): number;
  categoryOf(slot: number): number;
  categoryShare(category: number): number;
  /** Share of an item among the draws of its category. */
  shareInCategory(slot: number): number;
}

/** Share of an item among all actions by rank, Zipf-Mandelbrot: (rank + shift)^-exponent, from 110,300 actions in time order. */
const itemLaw = { exponent: 0.85, shift: 200 };

/** Of categories: the top 1, 10, 100 and 1,000 take 5, 28, 63 and 91 % of the actions. */
const categoryLaw: RankLaw = {
  rows: 9439,
  anchors: [1, 0.05, 10, 0.0186, 100, 0.00123, 1000, 1.2e-4, 9439, 7.7e-7],
  draws: 0,
};

/**
 * Items fix their category. A category owns as many items as it has share of the actions, and its items' popularity is the item law
 * stretched over them: so items follow the item law and categories theirs, without a table of items.
 */
export function createItemLaw(items: number, categories: number, seed: number): ItemLaw {
  const table = createRankTable(scaledLaw(categoryLaw, categories));
  const cumulative = table.head;
  const starts = new Uint32Array(categories + 1);
  for (let c = 0; c < categories; c++) {
    starts[c + 1] = Math.min(items - (categories - c - 1), Math.max(starts[c] + 1, Math.round(cumulative[c] * items)));
  }
  const power = 1 - itemLaw.exponent;
  const low = itemLaw.shift ** power;
  const range = (items + itemLaw.shift) ** power - low;
  const below = (rank: number): number => ((rank + itemLaw.shift) ** power - low) / range;
  /** The last category that starts at or before the slot. */
  const categoryOf = (slot: number): number => {
    let first = 0;
    let end = categories;
    while (end - first > 1) {
      const middle = (first + end) >>> 1;
      if (starts[middle] <= slot) first = middle;
      else end = middle;
    }
    return first;
  };
  return {
    items,
    categories,
    itemId: permutation(items, seed, nameKey("item")),
    categoryId: permutation(categories, seed, nameKey("category")),
    starts,
    categoryAt: (u) => rankAt(table, u * table.mass),
    slotAt(category, u) {
      const rank = (low + u * range) ** (1 / power) - itemLaw.shift;
      const owned = starts[category + 1] - starts[category];
      return starts[category] + Math.min(owned - 1, Math.max(0, Math.floor((rank / items) * owned)));
    },
    categoryOf,
    categoryShare: (c) => cumulative[c] - (c > 0 ? cumulative[c - 1] : 0),
    shareInCategory(slot) {
      const category = categoryOf(slot);
      const owned = starts[category + 1] - starts[category];
      const place = slot - starts[category];
      return below(((place + 1) * items) / owned) - below((place * items) / owned);
    },
  };
}
