import { philox, streams, unit } from "@fae/core";

/** What a draw is for: the last counter word. */
export const purposes = { dropNegative: 1, target: 2, pair: 3, trainSeries: 4, valSeries: 5, negative: 6 } as const;

export interface Draws {
  /** uint32 for the counter (a, b, c). */
  word(a: number, b: number, c: number): number;
  /** Uniform in (0, 1). */
  unit(a: number, b: number, c: number): number;
  /** Uniform integer in [0, n), n <= 2^32. */
  below(n: number, a: number, b: number, c: number): number;
}

/**
 * Random draws of data preparation, by counter: what is drawn for a line or a user depends on the seed and on that line or
 * user alone, never on the number of workers or on what was resumed.
 */
export function drawsFor(seed: number, purpose: number): Draws {
  const words = new Uint32Array(4);
  const draw = (a: number, b: number, c: number) => {
    philox(words, a >>> 0, b >>> 0, c >>> 0, purpose, seed >>> 0, streams.prepare);
    return words;
  };
  return {
    word: (a, b, c) => draw(a, b, c)[0],
    unit: (a, b, c) => unit(draw(a, b, c)[0]),
    below(n, a, b, c) {
      draw(a, b, c);
      return Math.floor(((words[0] * 2097152 + (words[1] >>> 11)) / 9007199254740992) * n);
    },
  };
}
