import { philox, streams } from "@fae/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fillWords, fineUnit } from "./words.js";

describe("fillWords", () => {
  it("equals core's philox block by block", () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 50 }), word, fc.nat(9), (index, seed, purpose) => {
        const words = new Uint32Array(12);
        fillWords(words, index, purpose, seed);
        const expected = new Uint32Array(4);
        for (let block = 0; block < 3; block++) {
          philox(expected, index % 2 ** 32, Math.floor(index / 2 ** 32), block, purpose, seed, streams.synth);
          expect([...words.subarray(4 * block, 4 * block + 4)]).toEqual([...expected]);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("fineUnit", () => {
  it("stays strictly inside (0, 1)", () => {
    expect(fineUnit(0, 0)).toBeGreaterThan(0);
    expect(fineUnit(0xffffffff, 0xffffffff)).toBeLessThan(1);
  });
});
