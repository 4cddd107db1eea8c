import { unit } from "@fae/core";
import { writeAscii, writeDecimal } from "./ascii.js";
import type { UnitBytes } from "./click-units.js";
import type { Unit } from "./outputs.js";
import { actionWord, createHistory, drawHistory, type TaobaoModel } from "./taobao-history.js";
import { fillWords, purposes } from "./words.js";

/** Users of a raw log: all their actions, but of the last user only so many that the log has the lines asked for. */
export interface RawUsers {
  readonly users: number;
  readonly lastLength: number;
}

/** The fewest users that have `actions` actions; null when all users have fewer. */
export function usersFor(model: TaobaoModel, actions: number): RawUsers | null {
  let left = actions;
  for (let user = 0; user < model.users; user++) {
    const length = model.lengthOf(user);
    if (length >= left) return { users: user + 1, lastLength: left };
    left -= length;
  }
  return null;
}

/** 25 November 2017, 00:00 in China. */
const firstSecond = 1511539200;
const daySeconds = 86400;
/** Nine days; the last two are 30 % busier. */
const dayWeights = [1, 1, 1, 1, 1, 1, 1, 1.3, 1.3];
/** Share of a day's actions by hour in China: lowest at 3, highest at 21. */
const hourWeights = [31, 16, 8, 4, 4.5, 5, 11, 21, 32, 42, 49, 48, 47, 52, 52, 53, 50, 46, 50, 67, 85, 91, 83, 53];
const strayShare = 0.0004;
const swappedShare = 0.01;
const longestLine = 48;

/** Makes the function that writes all lines of some users. Unit borders are users, in the text order of their ids. */
export function rawTaobaoUnits(model: TaobaoModel, { users, lastLength }: RawUsers): (unit: Unit) => UnitBytes {
  const history = createHistory();
  const times = new Float64Array(history.slots.length);
  const hours = hourTable();
  let scratch = new Uint8Array(0);
  return ({ from, to }) => {
    let at = 0;
    let inputs = 0;
    let name = nthInTextOrder(from, users);
    for (let user = from; user < to; user++, name = nextInTextOrder(name, users)) {
      const length = user === users - 1 ? lastLength : model.lengthOf(user);
      drawHistory(model, history, user, length);
      drawTimes(model.seed, user, length, hours, times, history.words);
      if (scratch.length < at + length * longestLine) {
        const larger = new Uint8Array(2 * scratch.length + length * longestLine);
        larger.set(scratch.subarray(0, at));
        scratch = larger;
      }
      for (let i = 0; i < length; i++) {
        at = writeDecimal(scratch, at, name);
        scratch[at++] = 44;
        at = writeDecimal(scratch, at, 1 + model.law.itemId(history.slots[i]));
        scratch[at++] = 44;
        at = writeDecimal(scratch, at, 1 + model.law.categoryId(history.categories[i]));
        at = writeAscii(scratch, at, behaviour(history.words[actionWord + 4 * i] & 1023));
        at = writeDecimal(scratch, at, times[i]);
        scratch[at++] = 10;
      }
      inputs += length;
    }
    return { bytes: scratch.slice(0, at), inputs, positives: 0, scores: null };
  };
}

/** pv .896, cart .055, fav .029, buy .020, by ten bits. */
const behaviour = (bits: number): string =>
  bits < 918 ? ",pv," : bits < 974 ? ",cart," : bits < 1004 ? ",fav," : ",buy,";

/** Cumulative weight of each of the 216 hours. */
function hourTable(): Float64Array {
  const table = new Float64Array(24 * dayWeights.length);
  let sum = 0;
  for (let i = 0; i < table.length; i++) {
    sum += dayWeights[Math.floor(i / 24)] * hourWeights[i % 24];
    table[i] = sum;
  }
  return table.map((value) => value / sum);
}

/** Times of a user's actions: ascending, but a few neighbours change places and a few lie outside the nine days. */
function drawTimes(
  seed: number,
  user: number,
  length: number,
  hours: Float64Array,
  times: Float64Array,
  words: Uint32Array,
): void {
  for (let i = 0; i < length; i++) {
    const u = unit(words[actionWord + 4 * i + 3]);
    let hour = 0;
    while (hours[hour] <= u) hour++;
    const before = hour > 0 ? hours[hour - 1] : 0;
    times[i] = firstSecond + Math.floor(3600 * (hour + (u - before) / (hours[hour] - before)));
  }
  times.subarray(0, length).sort();
  const extra = new Uint32Array(4 * Math.ceil(length / 4));
  fillWords(extra, user, purposes.userTime, seed);
  for (let i = 0; i < length; i++) {
    const u = unit(extra[i]);
    if (u < strayShare) times[i] -= daySeconds * (10 + Math.floor((u / strayShare) * 300));
    else if (u > 1 - swappedShare && i > 0) [times[i - 1], times[i]] = [times[i], times[i - 1]];
  }
}

/** The number at position k when 1 .. n are sorted as text (1, 10, 100, ..., 2, 20, ...). */
export function nthInTextOrder(k: number, n: number): number {
  let current = 1;
  for (let left = k; left > 0; ) {
    let count = 0;
    for (let low = current, high = current + 1; low <= n; low *= 10, high *= 10) count += Math.min(n + 1, high) - low;
    if (count <= left) {
      left -= count;
      current++;
    } else {
      left--;
      current *= 10;
    }
  }
  return current;
}

/** The number after `current` in that order. */
export function nextInTextOrder(current: number, n: number): number {
  if (current * 10 <= n) return current * 10;
  let next = current;
  while (next % 10 === 9 || next + 1 > n) next = Math.floor(next / 10);
  return next + 1;
}
