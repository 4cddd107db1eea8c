import type { Draws } from "../draws.js";
import { type Histories, maxHistory } from "./histories.js";

/** A user's line in TBSM's files: 200 items and categories, left-padded with 0, the target last. */
export interface Line {
  readonly items: Int32Array;
  readonly categories: Int32Array;
  /** Elements that are no padding. */
  length: number;
  /** 1: the target is the user's last action. 0: another item was drawn in its place. */
  label: number;
}

export const newLine = (): Line => ({
  items: new Int32Array(maxHistory),
  categories: new Int32Array(maxHistory),
  length: 0,
  label: 0,
});

/**
 * Fills `line` with the history of a user of a bucket. With probability 1/2 the target is replaced by a uniformly drawn item
 * that differs from it, with that item's category.
 *
 * @param targets draws with purpose `target`, by user.
 * @param itemCategory `category[item]`, at least two items.
 */
export function fillLine(
  line: Line,
  histories: Histories,
  index: number,
  targets: Draws,
  itemCategory: Int32Array,
): void {
  const { items, categories } = line;
  const { actions } = histories;
  const user = histories.firstUser + index;
  const length = histories.length(index);
  const pad = maxHistory - length;
  items.fill(0, 0, pad);
  categories.fill(0, 0, pad);
  for (let i = 0, at = histories.start(index); i < length; i++, at += 2) {
    items[pad + i] = actions[at];
    categories[pad + i] = actions[at + 1];
  }
  line.length = length;
  line.label = 1 - (targets.word(user, 0, 0) & 1);
  if (line.label === 1) return;
  const last = maxHistory - 1;
  const real = items[last];
  for (let attempt = 1; items[last] === real; attempt++)
    items[last] = targets.below(itemCategory.length, user, attempt, 0);
  categories[last] = itemCategory[items[last]];
}
