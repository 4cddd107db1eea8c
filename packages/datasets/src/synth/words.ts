import { streams } from "@fae/core";

/**
 * What a counter of the synth stream is for: the fourth counter word, so that draws of one purpose never meet those of
 * another.
 */
export const purposes = {
  input: 0,
  effect: 1,
  tuning: 2,
  user: 3,
  userTime: 4,
  series: 5,
  candidate: 6,
  drift: 7,
} as const;

/**
 * Fills `out` (a multiple of 4 words) with block after block of core's `philox`: words 4b .. 4b+3 are
 * philox(counter = [index low, index high, b, purpose], key = [seed, streams.synth]). `index` is an integer below 2^53.
 */
export function fillWords(out: Uint32Array, index: number, purpose: number, seed: number): void {
  fillColumns(out, 1, out.length >>> 2, index, 1, purpose, seed);
}

/**
 * The words of `count` indices from `index` on, column by column: word w of the i-th of them goes to w * step + i. Same values as core's
 * `philox`, several times faster: 32-bit integer arithmetic only and no call per block.
 */
export function fillColumns(
  out: Uint32Array,
  step: number,
  blocks: number,
  index: number,
  count: number,
  purpose: number,
  seed: number,
): void {
  for (let i = 0; i < count; i++) {
    const low = (index + i) | 0;
    const high = Math.floor((index + i) / 4294967296) | 0;
    for (let block = 0, at = i; block < blocks; block++, at += 4 * step) {
      let c0 = low;
      let c1 = high;
      let c2 = block;
      let c3 = purpose;
      let k0 = seed | 0;
      let k1: number = streams.synth;
      for (let round = 0; round < 10; round++) {
        // High words of 0xd2511f53 * c0 and 0xcd9e8d57 * c2 from 16-bit halves; every sum below fits 32 unsigned bits.
        const a0 = c0 & 0xffff;
        const a1 = c0 >>> 16;
        const am = (Math.imul(0xd251, a0) + (Math.imul(0x1f53, a0) >>> 16)) | 0;
        const an = (Math.imul(0x1f53, a1) + (am & 0xffff)) | 0;
        const ah = (Math.imul(0xd251, a1) + (am >>> 16) + (an >>> 16)) | 0;
        const b0 = c2 & 0xffff;
        const b1 = c2 >>> 16;
        const bm = (Math.imul(0xcd9e, b0) + (Math.imul(0x8d57, b0) >>> 16)) | 0;
        const bn = (Math.imul(0x8d57, b1) + (bm & 0xffff)) | 0;
        const bh = (Math.imul(0xcd9e, b1) + (bm >>> 16) + (bn >>> 16)) | 0;
        const al = Math.imul(0xd2511f53, c0);
        const bl = Math.imul(0xcd9e8d57, c2);
        c0 = bh ^ c1 ^ k0;
        c1 = bl;
        c2 = ah ^ c3 ^ k1;
        c3 = al;
        k0 = (k0 + 0x9e3779b9) | 0;
        k1 = (k1 + 0xbb67ae85) | 0;
      }
      out[at] = c0;
      out[at + step] = c1;
      out[at + 2 * step] = c2;
      out[at + 3 * step] = c3;
    }
  }
}

/** Two words to a float64 strictly inside (0, 1) with 52 random bits: fine enough for tables of hundreds of millions of rows. */
export const fineUnit = (a: number, b: number): number => (a * 1048576 + (b >>> 12) + 0.5) / 4503599627370496;
