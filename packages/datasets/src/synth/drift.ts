import { nameKey } from "@fae/core";
import { fillWords, purposes } from "./words.js";

/** Ranks below this one keep their row for ever. */
const fixedHead = 128;

/**
 * Which rank's row stands at `rank` on `day`. Each day after the first, about `share` of the ranks above the head change places with a
 * rank anywhere above the head: rank r and r XOR the day's mask swap when a hash of the pair says so. A bijection every day.
 */
export function createDrift(
  table: string,
  rows: number,
  seed: number,
  share: number,
  days: number,
): (rank: number, day: number) => number {
  const bits = Math.floor(Math.log2(Math.max(1, rows - fixedHead)));
  if (share === 0 || bits < 4) return (rank) => rank;
  const end = fixedHead + 2 ** bits;
  const keys = new Uint32Array(4 * days);
  fillWords(keys, nameKey(table), purposes.drift, seed);
  const limit = share * 4294967296;
  return (rank, day) => {
    if (rank < fixedHead || rank >= end) return rank;
    let place = rank - fixedHead;
    for (let d = 1; d <= day; d++) {
      const other = (place ^ (keys[4 * d] >>> (32 - bits))) >>> 0;
      let h = Math.min(place, other) ^ keys[4 * d + 1];
      h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
      h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
      if ((h ^ (h >>> 16)) >>> 0 < limit) place = other;
    }
    return place + fixedHead;
  };
}
