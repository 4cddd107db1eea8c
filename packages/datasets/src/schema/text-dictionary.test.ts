import { Random } from "@fae/core";
import { expect, it } from "vitest";
import { hashOf } from "./hash.js";
import { lengthAt, TextDictionary } from "./text-dictionary.js";

const bytes = (text: string) => Buffer.from(text);
const add = (dictionary: TextDictionary, text: string) => dictionary.add(bytes(text), 0, bytes(text).length);
const idOf = (dictionary: TextDictionary, text: string) => dictionary.idOf(bytes(text), 0, bytes(text).length);

it("numbers texts as a map does, and keeps their bytes", () => {
  const random = new Random(3);
  const dictionary = new TextDictionary("t");
  const known = new Map<string, number>();
  for (let i = 0; i < 60_000; i++) {
    const key = `${"k".repeat(random.below(9))}${random.below(20_000)}`;
    if (!known.has(key)) {
      expect(idOf(dictionary, key)).toBe(-1);
      known.set(key, known.size);
    }
    expect(add(dictionary, key)).toBe(known.get(key));
  }
  expect(add(dictionary, "")).toBe(known.size);
  const { starts, texts } = dictionary;
  for (const [key, id] of known) {
    const from = starts[id] + 4;
    expect(Buffer.from(texts.subarray(from, from + lengthAt(texts, starts[id]))).toString()).toBe(key);
    expect(idOf(dictionary, key)).toBe(id);
  }
});

it("hashes as MurmurHash3 does", () => {
  // Known values of MurmurHash3_x86_32.
  const of = (text: string, seed: number) => hashOf(bytes(text), 0, bytes(text).length, seed);
  expect([
    of("", 0),
    of("", 1),
    of("test", 0),
    of("Hello, world!", 0),
    of("The quick brown fox jumps over the lazy dog", 0x9747b28c),
  ]).toEqual([0, 0x514e28b7, 0xba6bd213, 0xc0363e43, 0x2fa826cd]);
});
