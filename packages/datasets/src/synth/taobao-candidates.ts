import type { UnitBytes } from "./click-units.js";
import type { Unit } from "./outputs.js";
import { browsing, createHistory, drawHistory, type History, type TaobaoModel } from "./taobao-history.js";
import { fillWords, fineUnit, purposes } from "./words.js";

/** Makes the function that marks, one bit an item slot, all items that a unit of users meets. */
export function surveyUnits(model: TaobaoModel): (unit: Unit) => UnitBytes {
  const history = createHistory();
  return ({ from, to }) => {
    const bytes = new Uint8Array(Math.ceil(model.law.items / 8));
    for (let user = from; user < to; user++) {
      drawHistory(model, history, user, model.lengthOf(user));
      for (let i = 0; i < history.length; i++) bytes[history.slots[i] >>> 3] |= 1 << (history.slots[i] & 7);
    }
    return { bytes, inputs: to - from, positives: 0, scores: null };
  };
}

/** Where candidates of negatives come from, and how likely a candidate is. */
export interface Candidates {
  /** Slot of an item of the log, uniformly drawn, that the user has not met. */
  negative(history: History, index: number): number;
  /** ln of P(true next action) / P(negative), given the whole history and the user's tastes. */
  logit(history: History, slot: number): number;
}

/** Logit of a candidate that cannot be a negative, because the user has met it. */
const certain = 15;

/**
 * @param pool a bit for every item that is met by any user of the log.
 * @param actions all actions of these users.
 */
export function createCandidates({ law, seed }: TaobaoModel, pool: Uint8Array, actions: number): Candidates {
  const words = new Uint32Array(4);
  let items = 0;
  for (let byte = 0; byte < pool.length; byte++) for (let bits = pool[byte]; bits > 0; bits &= bits - 1) items++;
  const hasMet = ({ slots, length }: History, slot: number): boolean => {
    for (let i = 0; i < length; i++) if (slots[i] === slot) return true;
    return false;
  };
  return {
    negative(history, index) {
      for (let attempt = 0; ; attempt++) {
        fillWords(words, index * 1048576 + attempt, purposes.candidate, seed);
        const slot = Math.floor(fineUnit(words[0], words[1]) * law.items);
        if ((pool[slot >>> 3] & (1 << (slot & 7))) !== 0 && !hasMet(history, slot)) return slot;
      }
    },
    logit(history, slot) {
      if (hasMet(history, slot)) return certain;
      const category = law.categoryOf(slot);
      const { length, categories, tastes } = history;
      let own = 0;
      for (let i = 0; i < tastes.length; i++) if (tastes[i] === category) own++;
      const turn = browsing.explore * law.categoryShare(category) + (1 - browsing.explore) * (own / browsing.tastes);
      const isSame = length > 0 && categories[length - 1] === category;
      const chosen =
        length > 0 ? (1 - browsing.repeat) * ((isSame ? browsing.stay : 0) + (1 - browsing.stay) * turn) : turn;
      // That the item is in the log at all makes it likelier to be anyone's: by 1 / P(any of the actions meets it).
      const share = law.shareInCategory(slot);
      const met = 1 - Math.exp(-actions * (1 - browsing.repeat) * law.categoryShare(category) * share);
      return Math.log((chosen * share * items) / met);
    },
  };
}
