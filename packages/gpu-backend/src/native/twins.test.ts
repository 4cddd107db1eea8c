import { nameKey, permutation, philox, uniformRow } from "@fae/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadNative } from "./load.js";
import { nativeMissing } from "./testing.js";

const word = fc.integer({ min: 0, max: 0xffffffff });

describe.skipIf(nativeMissing("cpu"))("random numbers in TypeScript and C++", () => {
  // Loaded by the tests: this function runs even when they are skipped.
  const twins = () => loadNative("cpu").twins;

  it("philox gives the same words", () => {
    fc.assert(
      fc.property(word, word, word, word, word, word, (c0, c1, c2, c3, k0, k1) => {
        const words = new Uint32Array(4);
        philox(words, c0, c1, c2, c3, k0, k1);
        expect(twins().philox(c0, c1, c2, c3, k0, k1)).toEqual(words);
      }),
      { numRuns: 500 },
    );
  });

  it("uniform rows have the same bits, whatever the width and the name", () => {
    const bound = fc.double({ min: 1e-6, max: 10, noNaN: true });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 70 }),
        word,
        fc.string({ unit: "grapheme" }),
        word,
        bound,
        (width, seed, name, row, limit) => {
          const values = new Float32Array(width);
          uniformRow(values, seed, nameKey(name), row, limit);
          expect(twins().uniformRow(width, seed, name, row, limit)).toEqual(values);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("permutations agree at every position of small sets and at random ones of large sets", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), word, word, (n, seed, epoch) => {
        const positions = Uint32Array.from({ length: n }, (_, i) => i);
        expect(twins().permutation(n, seed, epoch, positions)).toEqual(positions.map(permutation(n, seed, epoch)));
      }),
      { numRuns: 200 },
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1 << 16, max: 0xffffffff }),
        word,
        word,
        fc.array(word, { maxLength: 50 }),
        (n, seed, epoch, at) => {
          const positions = Uint32Array.from(at, (position) => position % n);
          expect(twins().permutation(n, seed, epoch, positions)).toEqual(positions.map(permutation(n, seed, epoch)));
        },
      ),
      { numRuns: 100 },
    );
  });
});
