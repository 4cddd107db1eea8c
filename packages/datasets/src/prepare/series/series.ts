import { DataError } from "@fae/core";
import type { Draws } from "../draws.js";
import { maxHistory } from "./histories.js";
import type { Line } from "./line.js";

/** Steps of a series: 20 of history and the candidate. */
export const steps = 21;
/** Words of one series: label, then per step one dense value and user, item, category. */
export const seriesWords = 1 + steps * 4;

const last = maxHistory - 1;

/** Index of the first item above 0; item 0 cannot be told from padding, and a line of nothing else begins at 0. */
export function firstItem({ items }: Line): number {
  const first = items.findIndex((item) => item > 0);
  return Math.max(0, first);
}

/** Positive (and as many negative) training series of a line: none, 1, 3 or 6 for short histories, else `perUser`. */
export function seriesOf(first: number, perUser: number): number {
  const tens = Math.floor((last - first) / 10);
  return tens < 4 ? [0, 1, 3, 6][tens] : perUser;
}

/** What negative items are drawn from: `item, category` of each pair, and the draws with purpose `negative`. */
export interface NegativePairs {
  readonly pairs: Int32Array;
  readonly draws: Draws;
}

/** Writes one series to `words` from `at` on. Element i of the window is `from + i`. */
function writeSeries(words: Int32Array, at: number, label: number, user: number, line: Line, from: number): void {
  words[at] = label;
  for (let step = 0, word = at + 1; step < steps; step++, word += 4) {
    words[word] = timeBits[step];
    words[word + 1] = user;
    words[word + 2] = line.items[from + step];
    words[word + 3] = line.categories[from + step];
  }
}

/** float32(step / 21) as the words of a row. */
const timeBits = new Int32Array(Float32Array.from({ length: steps }, (_, step) => step / steps).buffer);

/** A test line gives one series: its last 21 elements, with the line's label. */
export function writeTestSeries(words: Int32Array, at: number, user: number, line: Line): void {
  writeSeries(words, at, line.label, user, line, maxHistory - steps);
}

/**
 * Writes the training or validation series of a line: `count` positive ones, then `count` negative ones. A positive one is 21
 * steps that end at a uniform element of [min(first + 20, 198), 199); a negative one 20 steps that end in
 * [min(first + 19, 198), 199) and then a pair from the user's negative list. Element 199, the target, is never used.
 *
 * @param draws with purpose `trainSeries` or `valSeries`, by user and series.
 * @returns words written.
 */
export function writeDrawnSeries(
  words: Int32Array,
  at: number,
  count: number,
  user: number,
  line: Line,
  draws: Draws,
  negatives: NegativePairs,
): number {
  const first = firstItem(line);
  let word = at;
  for (let i = 0; i < count; i++, word += seriesWords) {
    const low = Math.min(first + steps - 1, last - 1);
    const end = low + draws.below(last - low, user, i, 0);
    writeSeries(words, word, 1, user, line, end - steps + 1);
  }
  for (let i = 0; i < count; i++, word += seriesWords) {
    const low = Math.min(first + steps - 2, last - 1);
    const end = low + draws.below(last - low, user, i, 1);
    writeSeries(words, word, 0, user, line, end - steps + 2);
    const pair = negativePair(negatives, user, draws.below(last, user, i, 2), line);
    words[word + seriesWords - 2] = negatives.pairs[pair * 2];
    words[word + seriesWords - 1] = negatives.pairs[pair * 2 + 1];
  }
  return word - at;
}

/**
 * Entry `position` of a user's negative list: uniform over the pairs that are not in the user's line. The list is never built;
 * an entry depends on user and position alone, so that two series may draw the same one as in the reference.
 */
function negativePair({ pairs, draws }: NegativePairs, user: number, position: number, line: Line): number {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const pair = draws.below(pairs.length / 2, user, position, attempt);
    if (!holds(line, pairs[pair * 2], pairs[pair * 2 + 1])) return pair;
  }
  throw new DataError(
    `The log has only ${pairs.length / 2} distinct items, nearly all of them in one user's history.`,
    {
      fix: "Give more of the log: negative items are drawn from what the user never touched.",
      details: { found: pairs.length / 2 },
    },
  );
}

const maxAttempts = 10_000;

function holds({ items, categories, length }: Line, item: number, category: number): boolean {
  for (let i = maxHistory - length; i < maxHistory; i++)
    if (items[i] === item && categories[i] === category) return true;
  return false;
}
