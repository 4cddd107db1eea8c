import { describe, expect, it } from "vitest";
import { rowCache } from "./row-cache.js";

const block = (n: number): Float32Array => Float32Array.of(n, n);

describe("rowCache", () => {
  it("gives back what it keeps and nothing else", () => {
    const cache = rowCache(2, 16);
    cache.put(7, block(7));
    expect(cache.values[cache.find(7)]).toBe(7);
    expect(cache.find(8)).toBe(-1);
  });

  it("keeps used blocks and replaces unused ones", () => {
    const cache = rowCache(2, 16);
    cache.put(1, block(1));
    cache.put(2, block(2));
    cache.find(1);
    cache.put(3, block(3));
    expect([cache.find(1) >= 0, cache.find(2), cache.values[cache.find(3)]]).toEqual([true, -1, 3]);
  });

  it("goes on when every block is in use, and with no room at all", () => {
    const cache = rowCache(2, 16);
    for (let n = 0; n < 20; n++) {
      cache.put(n, block(n));
      expect(cache.values[cache.find(n)]).toBe(n);
    }
    const none = rowCache(2, 7);
    none.put(1, block(1));
    expect(none.find(1)).toBe(-1);
  });
});
