import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BatchSource, type RowLayout, strideWords } from "./batch.js";
import { ConfigError, DataError, DisposedError } from "./errors.js";
import { permutation } from "./random.js";
import { openRows } from "./rows.js";

const layout: RowLayout = { denseFeatures: 2, denseEncoding: "float32", steps: 0, hotness: [1, 2] };
const tables = [
  { name: "a", rows: 50 },
  { name: "b", rows: 9 },
];

/** Row r: label r % 2, dense [r, -r / 2], ids [r, r % 9, -1]. */
function wordsOf(rows: number): Int32Array {
  const words = new Int32Array(rows * strideWords(layout));
  const floats = new Float32Array(words.buffer);
  for (let r = 0; r < rows; r++) {
    words.set([r % 2, 0, 0, r, r % 9, -1], r * 6);
    floats.set([r, -r / 2], r * 6 + 1);
  }
  return words;
}

const memory = (words: Int32Array, rest: Partial<BatchSource> = {}): BatchSource => ({
  name: "m",
  layout,
  rows: words.length / 6,
  storage: { kind: "memory", words: new Uint32Array(words.buffer) },
  shuffleSeed: null,
  ...rest,
});

describe("openRows", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "fae-rows-"));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const file = (words: Int32Array, rest: Partial<BatchSource> = {}): BatchSource => {
    const path = join(directory, `${Math.random()}.rows`);
    writeFileSync(path, words);
    return memory(words, { storage: { kind: "file", path }, ...rest });
  };

  it.each([
    ["memory", memory],
    ["a file", file],
  ])("decodes batches from %s, the last one short", (_, make) => {
    using reader = openRows(make(wordsOf(10)), { batch: 4, tables });
    expect(reader.batches).toBe(3);
    const batch = reader.read(2, 0);
    expect(batch).toMatchObject({ number: 2, inputs: 2 });
    expect([...batch.labels]).toEqual([0, 1]);
    expect([...batch.dense]).toEqual([8, -4, 9, -4.5]);
    expect([...batch.ids]).toEqual([8, 8, -1, 9, 0, -1]);
  });

  it.each([
    ["memory", memory],
    ["a file", file],
  ])("reads %s by the epoch's permutation when shuffled, in file order when told", (_, make) => {
    using reader = openRows(make(wordsOf(23), { shuffleSeed: 7 }), { batch: 5, tables });
    for (const epoch of [0, 1]) {
      const at = permutation(23, 7, epoch);
      const seen = [0, 1, 2, 3, 4].flatMap((b) => [...reader.read(b, epoch).dense].filter((_, i) => i % 2 === 0));
      expect(seen).toEqual(Array.from({ length: 23 }, (_, i) => at(i)));
    }
    expect(reader.read(0, null).dense[2]).toBe(1);
  });

  it("takes the logarithm of raw counts plus 1 in float32", () => {
    const words = wordsOf(1);
    words.set([0, 1_000_000], 1);
    const source = memory(words, { layout: { ...layout, denseEncoding: "int32-log1p" } });
    expect([...openRows(source, { batch: 1 }).read(0, 0).dense]).toEqual([0, Math.fround(Math.log(1_000_001))]);
  });

  it("reads sequences step by step", () => {
    const sequence: RowLayout = { denseFeatures: 1, denseEncoding: "float32", steps: 2, hotness: [1, 1] };
    const words = Int32Array.of(1, 0, 5, 6, 0, 7, 8);
    const source: BatchSource = { ...memory(words), rows: 1, layout: sequence };
    expect([...openRows(source, { batch: 3 }).read(0, 0).ids]).toEqual([5, 6, 7, 8]);
  });

  it.each([
    ["an id beyond its table", 3, 50, /row 7: table 'a' has no row 50, expected -1 \(none\) or 0\.\.49/],
    ["an id below -1", 4, -2, /row 7: table 'b' has no row -2/],
    ["a label that is not 0 or 1", 0, 2, /row 7: the label is 2/],
  ])("refuses %s, naming file and row", (_, word, value, message) => {
    const words = wordsOf(10);
    words[7 * 6 + word] = value;
    for (const shuffleSeed of [null, 3]) {
      const source = file(words, { shuffleSeed });
      using reader = openRows(source, { batch: 10, tables });
      expect(() => reader.read(0, 0)).toThrow(DataError);
      expect(() => reader.read(0, 0)).toThrow(message);
      expect(() => reader.read(0, 0)).toThrow((source.storage as { path: string }).path);
    }
  });

  it("refuses a negative raw count", () => {
    const words = wordsOf(1);
    words[2] = -3;
    const source = memory(words, { layout: { ...layout, denseEncoding: "int32-log1p" } });
    expect(() => openRows(source, { batch: 1 }).read(0, 0)).toThrow(/dense feature 1 is -3/);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("refuses a dense value of %d", (value) => {
    const words = wordsOf(3);
    new Float32Array(words.buffer)[1 * 6 + 2] = value;
    expect(() => openRows(memory(words), { batch: 3 }).read(0, 0)).toThrow(`row 1: dense feature 1 is ${value}`);
  });

  it("refuses data whose size is not rows x stride", () => {
    expect(() => openRows(file(wordsOf(10), { rows: 11 }), { batch: 4 })).toThrow(/has 240 bytes, but 11 rows of 24/);
    expect(() => openRows(memory(wordsOf(10), { rows: 9 }), { batch: 4 })).toThrow(/has 60 words, but 9 rows/);
  });

  it("refuses a missing file, a wrong number of tables, a batch of 0, a batch number beyond the end", () => {
    const missing = memory(wordsOf(1), { storage: { kind: "file", path: join(directory, "none") } });
    expect(() => openRows(missing, { batch: 1 })).toThrow(/cannot be opened/);
    expect(() => openRows(memory(wordsOf(1)), { batch: 1, tables: tables.slice(1) })).toThrow(/ids of 2 tables/);
    expect(() => openRows(memory(wordsOf(1)), { batch: 0 })).toThrow(ConfigError);
    expect(() => openRows(memory(wordsOf(9)), { batch: 4 }).read(3, 0)).toThrow(/no batch 3: it has 3/);
  });

  it("refuses to read after close", () => {
    const reader = openRows(file(wordsOf(4)), { batch: 4 });
    reader.close();
    reader.close();
    expect(() => reader.read(0, 0)).toThrow(DisposedError);
  });
});
