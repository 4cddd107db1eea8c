import { nameKey, permutation, unit } from "@fae/core";
import { createNormal, normalAt } from "./normal.js";
import { createItemLaw, type ItemLaw } from "./taobao-items.js";
import { fillWords, purposes } from "./words.js";

/** Tables at scale 1. */
const taobaoRows = { user: 987_994, item: 4_162_024, category: 9_439 } as const;

/** How users browse. Lengths, repeats, tastes and stays as measured over 1,097 whole histories. */
export const browsing = {
  lengthLogMean: 4.22,
  lengthLogDeviation: 0.93,
  longest: 900,
  /** Categories that a user keeps coming back to. */
  tastes: 24,
  /** An action repeats one of the latest `recent` items, ... */
  repeat: 0.18,
  recent: 12,
  /** ... or stays in the category of the last one, ... */
  stay: 0.43,
  /** ... or (of the rest) turns to any category instead of one of the user's own. */
  explore: 0.3,
} as const;

export interface TaobaoModel {
  readonly seed: number;
  readonly users: number;
  readonly law: ItemLaw;
  /** Row id of a user: a seeded bijection. */
  readonly userId: (user: number) => number;
  /** Actions of a user: log-normal. */
  lengthOf(user: number): number;
}

/** The first `length` actions of a user; reused from user to user. */
export interface History {
  user: number;
  length: number;
  readonly slots: Uint32Array;
  readonly categories: Uint16Array;
  readonly tastes: Uint16Array;
  /** The draws: 4 words per action from word `actionWord` on; the third is free for the reader, the low bits of the first too. */
  readonly words: Uint32Array;
}

/** Words before those of the actions: the length, then the tastes. */
export const actionWord = 4 + browsing.tastes;

export function createTaobaoModel(seed: number, scale: number): TaobaoModel {
  const scaled = (rows: number, least: number): number => Math.min(rows, Math.max(least, Math.round(rows * scale)));
  const normal = createNormal();
  const words = new Uint32Array(4);
  const users = scaled(taobaoRows.user, 1000);
  return {
    seed,
    users,
    userId: permutation(users, seed, nameKey("user")),
    law: createItemLaw(scaled(taobaoRows.item, 1000), scaled(taobaoRows.category, 100), seed),
    lengthOf(user) {
      fillWords(words, user, purposes.user, seed);
      const log = browsing.lengthLogMean + browsing.lengthLogDeviation * normalAt(normal, unit(words[0]));
      return Math.min(browsing.longest, Math.max(1, Math.round(Math.exp(log))));
    },
  };
}

export const createHistory = (): History => ({
  user: -1,
  length: 0,
  slots: new Uint32Array(browsing.longest),
  categories: new Uint16Array(browsing.longest),
  tastes: new Uint16Array(browsing.tastes),
  words: new Uint32Array(actionWord + 4 * browsing.longest),
});

/** Fills `history` with the first `length` actions of a user. */
export function drawHistory({ law, seed }: TaobaoModel, history: History, user: number, length: number): void {
  const { words, slots, categories, tastes } = history;
  fillWords(words.subarray(0, actionWord + 4 * length), user, purposes.user, seed);
  for (let i = 0; i < tastes.length; i++) tastes[i] = law.categoryAt(unit(words[4 + i]));
  for (let i = 0; i < length; i++) {
    const at = actionWord + 4 * i;
    const choice = unit(words[at]);
    const pick = unit(words[at + 1]);
    if (i > 0 && choice < browsing.repeat) {
      const back = 1 + Math.floor(pick * Math.min(i, browsing.recent));
      slots[i] = slots[i - back];
      categories[i] = categories[i - back];
      continue;
    }
    let category = categories[i - 1];
    if (i === 0 || choice >= browsing.repeat + (1 - browsing.repeat) * browsing.stay) {
      category =
        pick < browsing.explore
          ? law.categoryAt(pick / browsing.explore)
          : tastes[Math.floor(((pick - browsing.explore) / (1 - browsing.explore)) * tastes.length)];
    }
    categories[i] = category;
    slots[i] = law.slotAt(category, unit(words[at + 2]));
  }
  history.user = user;
  history.length = length;
}
