import { describe, expect, it } from "vitest";
import { sampledInputs } from "./sample.js";
import { sampleCursor } from "./sample-cursor.js";

const take = (ratePercent: number, seed: number, first: number, end: number) => [
  ...sampledInputs({ ratePercent, seed }, first, end),
];

describe("sampledInputs", () => {
  it("rises without repeats and is the same for any part", () => {
    const whole = take(3, 7, 0, 300_000);
    expect(whole.every((input, i) => i === 0 || input > whole[i - 1])).toBe(true);
    for (const [first, end] of [
      [0, 65536],
      [65530, 65540],
      [100_000, 299_999],
    ])
      expect(take(3, 7, first, end)).toEqual(whole.filter((input) => input >= first && input < end));
  });

  it("draws each input with the given probability", () => {
    for (const rate of [0.1, 5, 50, 99]) {
      const total = 1_000_000;
      const expected = (total * rate) / 100;
      const deviation = Math.sqrt(expected * (1 - rate / 100));
      expect(Math.abs(take(rate, 11, 0, total).length - expected)).toBeLessThan(5 * deviation);
    }
    // Gaps of a Bernoulli draw: P(gap = 1) is the rate itself.
    const inputs = take(20, 3, 0, 200_000);
    const neighbours = inputs.filter((input, i) => i > 0 && input === inputs[i - 1] + 1).length;
    expect(neighbours / inputs.length).toBeCloseTo(0.2, 1);
  });

  it("is everything at 100 %, differs by seed, repeats for the same seed", () => {
    expect(take(100, 1, 3, 8)).toEqual([3, 4, 5, 6, 7]);
    expect(take(5, 1, 0, 5000)).not.toEqual(take(5, 2, 0, 5000));
    expect(take(5, 1, 0, 5000)).toEqual(take(5, 1, 0, 5000));
  });
});

describe("sampleCursor", () => {
  it("hands out each sampled input once, and leaves out the excluded", () => {
    const barred = new Set(take(30, 2, 0, 10_000));
    const expected = take(40, 1, 0, 10_000).filter((input) => !barred.has(input));
    const cursor = sampleCursor({ ratePercent: 40, seed: 1 }, { ratePercent: 30, seed: 2 }, 0, 10_000);
    const out = new Uint32Array(1000);
    const seen: number[] = [];
    for (let first = 0; first < 10_000; first += 700) {
      const end = Math.min(first + 700, 10_000);
      const wanted = cursor.has(first, end);
      const length = cursor.take(first, end, out);
      expect(wanted).toBe(length > 0);
      for (let i = 0; i < length; i++) seen.push(first + out[i]);
    }
    expect(seen).toEqual(expected);
  });
});
