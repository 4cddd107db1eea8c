import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IntDictionary } from "./int-dictionary.js";

describe("IntDictionary", () => {
  it("numbers keys by first appearance like a Map, while it grows", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer(), fc.integer({ min: -200, max: 200 })), { maxLength: 600 }), (keys) => {
        const dictionary = new IntDictionary(1);
        const map = new Map<number, number>();
        for (const key of keys) {
          if (!map.has(key)) map.set(key, map.size);
          expect(dictionary.add(key)).toBe(map.get(key));
        }
        expect([...dictionary.keys]).toEqual([...map.keys()]);
        for (const key of keys) expect(dictionary.idOf(key)).toBe(map.get(key));
        const words = Int32Array.from([1, 2, ...keys, 3]);
        dictionary.clear(keys.length % 3);
        dictionary.addAll(words, 2, words.length - 1);
        expect([...words]).toEqual([1, 2, ...keys.map((key) => map.get(key)), 3]);
        expect([...dictionary.keys]).toEqual([...map.keys()]);
        expect(dictionary.idOf(123456789)).toBe(map.get(123456789) ?? -1);
      }),
    );
  });

  it("starts anew after clear", () => {
    const dictionary = new IntDictionary();
    for (let key = 0; key < 5000; key++) dictionary.add(key * 7);
    dictionary.clear();
    expect(dictionary.size).toBe(0);
    expect(dictionary.idOf(7)).toBe(-1);
    expect(dictionary.add(-2147483648)).toBe(0);
  });
});
