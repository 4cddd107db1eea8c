import { nameKey, permutation, unit } from "@fae/core";
import type { UnitBytes } from "./click-units.js";
import type { Range, SplitOfInputs, Unit } from "./outputs.js";
import { createCandidates } from "./taobao-candidates.js";
import { createHistory, drawHistory, type TaobaoModel } from "./taobao-history.js";
import { scoreCounter } from "./teacher-scores.js";
import { fillWords, purposes } from "./words.js";

/** Steps of a series: 20 actions and the candidate. */
export const seriesSteps = 21;
/** label, then user, item, category and one dense value a step. */
const seriesWords = 1 + 4 * seriesSteps;

/** Histories are cut to their latest 200 actions. */
const window = 200;
const perUser = 10;
const seriesByTens = [0, 1, 3, 6];

/** Positive (and as many negative) training series that a history of `length` actions gives. */
export function seriesOf(length: number): number {
  const tens = Math.floor((Math.min(length, window) - 1) / 10);
  return tens < seriesByTens.length ? seriesByTens[tens] : perUser;
}

/** Users that the splits are drawn from: validation users are training users, test users are others. */
export interface SeriesUsers {
  readonly train: number;
  readonly test: number;
}

/** The fewest users that give `train`, `val` and `test` series; null when all users together give fewer. */
export function usersForSeries(model: TaobaoModel, train: number, val: number, test: number): SeriesUsers | null {
  let trainSeries = 0;
  let valSeries = 0;
  let user = 0;
  for (; trainSeries < train || valSeries < val; user++) {
    if (user + test >= model.users) return null;
    const series = seriesOf(model.lengthOf(user));
    trainSeries += 2 * series;
    valSeries += 2 * Math.min(1, series);
  }
  return user + test <= model.users ? { train: user, test } : null;
}

/** One split's order: which series stands at a position of the file. */
interface SeriesOrder {
  /** First series of each user (positive and negative counted apart), then the number of series; users without any left out. */
  readonly starts: Uint32Array;
  readonly users: Uint32Array;
  readonly place: (position: number) => number;
}

/** Makes the function that draws and writes series; `pool` has a bit for every item that a negative may show. */
export function seriesUnits(
  model: TaobaoModel,
  { train, test }: SeriesUsers,
  splits: readonly Range<SplitOfInputs>[],
  pool: Uint8Array,
): (unit: Unit) => UnitBytes {
  const orders = splits.map(({ name }) => {
    const first = name === "test" ? train : 0;
    const count = name === "test" ? test : train;
    return orderOf(model, name, first, count);
  });
  const history = createHistory();
  let actions = 0;
  for (let user = 0; user < train + test; user++) actions += model.lengthOf(user);
  const candidate = createCandidates(model, pool, actions);
  const words = new Uint32Array(4);
  return ({ from, to, split }) => {
    const { name, from: splitFrom } = splits[split];
    const { starts, users, place } = orders[split];
    const out = new Int32Array((to - from) * seriesWords);
    const floats = new Float32Array(out.buffer);
    const counter = scoreCounter();
    let positives = 0;
    for (let index = from; index < to; index++) {
      const series = place(index - splitFrom);
      const slot = indexOf(starts, series);
      const user = users[slot];
      fillWords(words, series * 4 + split, purposes.series, model.seed);
      // Train and val have a user's positives before its negatives; a test user has one series of either kind.
      const isPositive =
        name === "test" ? words[0] < 0x80000000 : series - starts[slot] < (starts[slot + 1] - starts[slot]) / 2;
      const label = isPositive ? 1 : 0;
      const length = model.lengthOf(user);
      const first = Math.max(0, window - length);
      const end = name === "test" ? window - 1 : endOf(first, isPositive, words[1]);
      const known = length - window + end;
      // Actions before the candidate: a training negative puts it after the action at `end`, all others in its place.
      const before = known + (isPositive || name === "test" ? 0 : 1);
      drawHistory(model, history, user, isPositive ? known + 1 : Math.max(1, before));
      history.length = before;
      const item = isPositive ? history.slots[known] : candidate.negative(history, series * 4 + split);
      let at = (index - from) * seriesWords;
      out[at++] = label;
      for (let step = 0; step < seriesSteps; step++) {
        const action = before - (seriesSteps - 1) + step;
        floats[at++] = step / seriesSteps;
        out[at++] = model.userId(user);
        const isLast = step === seriesSteps - 1;
        // A place before the history is padded with item 0 and category 0, as in TBSM's files.
        const itemSlot = isLast ? item : action >= 0 ? history.slots[action] : -1;
        out[at++] = itemSlot < 0 ? 0 : model.law.itemId(itemSlot);
        out[at++] = itemSlot < 0 ? 0 : model.law.categoryId(model.law.categoryOf(itemSlot));
      }
      positives += label;
      counter.add(candidate.logit(history, item), label);
    }
    return { bytes: new Uint8Array(out.buffer), inputs: to - from, positives, scores: counter.sums() };
  };
}

/** Last true step of a training window, in places 0 .. 199 of the padded history. */
function endOf(first: number, isPositive: boolean, word: number): number {
  const earliest = Math.min(first + seriesSteps - (isPositive ? 1 : 2), window - 2);
  return earliest + Math.floor(unit(word) * (window - 1 - earliest));
}

function orderOf(model: TaobaoModel, name: SplitOfInputs, first: number, count: number): SeriesOrder {
  const starts = new Uint32Array(count + 1);
  const users = new Uint32Array(count);
  let kept = 0;
  for (let user = first; user < first + count; user++) {
    const own = seriesOf(model.lengthOf(user));
    const series = name === "test" ? 1 : name === "val" ? 2 * Math.min(1, own) : 2 * own;
    if (series === 0) continue;
    users[kept++] = user;
    starts[kept] = starts[kept - 1] + series;
  }
  const place = permutation(starts[kept], model.seed, nameKey(`series of ${name}`));
  return { starts: starts.subarray(0, kept + 1), users: users.subarray(0, kept), place };
}

/** Largest i with starts[i] <= x. */
function indexOf(starts: Uint32Array, x: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (starts[middle] <= x) low = middle;
    else high = middle;
  }
  return low;
}
