import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FaeError, idColumns, type PreparedData, Random, type RowLayout, strideWords } from "@fae/core";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { manifestVersion, writeManifest } from "../manifest.js";
import { openPrepared } from "../open-prepared.js";
import { toBatchSource } from "../source-of.js";
import type { PackOptions } from "./options.js";
import { pack } from "./pack.js";

const root = mkdtempSync(join(tmpdir(), "fae-pack-"));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;
const fresh = () => join(root, `case-${folders++}`);

interface Shape {
  readonly tables: readonly { readonly rows: number; readonly hotness: number; readonly hot: number }[];
  readonly steps: number;
  readonly denseFeatures: number;
  readonly inputs: readonly [train: number, val: number, test: number];
  readonly hasVocabulary: boolean;
  readonly seed: number;
}

const shapes: fc.Arbitrary<Shape> = fc.record({
  tables: fc.array(
    fc
      .record({
        rows: fc.integer({ min: 1, max: 30 }),
        hotness: fc.integer({ min: 1, max: 3 }),
        part: fc.double({ min: 0, max: 1, noNaN: true }),
      })
      .map(({ rows, hotness, part }) => ({ rows, hotness, hot: Math.round(rows * part) })),
    { minLength: 1, maxLength: 4 },
  ),
  steps: fc.integer({ min: 0, max: 2 }),
  denseFeatures: fc.integer({ min: 0, max: 2 }),
  inputs: fc.tuple(fc.nat(80), fc.nat(20), fc.nat(20)),
  hasVocabulary: fc.boolean(),
  seed: fc.nat(),
});

/** A prepared data set of random inputs, and random orders of its tables. */
async function made({ tables, steps, denseFeatures, inputs, hasVocabulary, seed }: Shape) {
  const directory = fresh();
  mkdirSync(join(directory, "vocab"), { recursive: true });
  const layout: RowLayout = {
    denseFeatures,
    denseEncoding: "int32-log1p",
    steps,
    hotness: tables.map((t) => t.hotness),
  };
  const { words: columns, tables: tableOf } = idColumns(layout);
  const random = new Random(seed);
  const split = (name: string, rows: number) => {
    const words = Int32Array.from({ length: rows * strideWords(layout) }, () => random.below(1000));
    let positives = 0;
    for (let i = 0; i < rows; i++) {
      const at = i * strideWords(layout);
      words[at] = random.below(2);
      positives += words[at];
      columns.forEach((word, c) => {
        const count = tables[tableOf[c]].rows;
        words[at + word] = random.below(5) === 0 ? -1 : Math.floor(count * random.next() ** 3);
      });
    }
    writeFileSync(join(directory, `${name}.rows`), words);
    return { file: `${name}.rows`, rows, positives };
  };
  const [train, val, test] = [split("train", inputs[0]), split("val", inputs[1]), split("test", inputs[2])];
  const vocabularies = tables.map(({ rows }, t) => {
    const keys = Int32Array.from({ length: rows }, (_, id) => 1000 * t + id);
    writeFileSync(join(directory, `vocab/t${t}.i32`), keys);
    return keys;
  });
  writeManifest(directory, {
    format: "fae-prepared",
    version: manifestVersion,
    source: "custom",
    sources: [],
    layout: { ...layout, hotness: [...layout.hotness] },
    tables: tables.map(({ rows }, t) => ({
      name: `t${t}`,
      rows,
      vocabulary: hasVocabulary ? { file: `vocab/t${t}.i32`, keys: "decimal" } : null,
    })),
    splits: { train, val, test },
    labelRate: 0.5,
    lines: { total: 0, crlf: 0, rejected: 0, byReason: {}, file: null },
    options: {},
  });
  const data = await openPrepared(directory);
  const orders = tables.map(({ rows }) => random.shuffle(Uint32Array.from({ length: rows }, (_, id) => id)));
  const options = (change: Partial<PackOptions> = {}): PackOptions => ({
    data,
    counts: async () => orders.map(countsOf),
    hotRows: tables.map(({ hot }) => hot),
    madeFrom: data.digest,
    budgetBytes: 4 * 200,
    rowBytes: 4,
    directory: fresh(),
    workers: 1,
    partBytes: 24 * strideWords(layout) * 4,
    ...change,
  });
  return { data, orders, vocabularies, options, columns, tableOf };
}

/** Access counts that put rows into an order, the last rows of it unseen where they may be. */
function countsOf(order: Uint32Array): Uint32Array {
  const counts = new Uint32Array(order.length);
  order.forEach((row, id) => {
    counts[row] = order.length - id;
  });
  for (let id = order.length - 1; id >= 0 && (id + 1 >= order.length || order[id] < order[id + 1]); id--)
    counts[order[id]] = 0;
  return counts;
}

const wordsOf = (path: string) => new Int32Array(Uint8Array.from(readFileSync(path)).buffer);

/** Every file of a directory with its bytes. */
function contents(directory: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files[path.slice(directory.length)] = readFileSync(path).toString("hex");
  }
  return files;
}

const rowsOf = (path: string, stride: number): string[] => {
  const words = wordsOf(path);
  return Array.from({ length: words.length / stride }, (_, i) => words.subarray(i * stride, (i + 1) * stride).join());
};

describe("pack", () => {
  it("is undone by the original ids, for every split", async () => {
    await fc.assert(
      fc.asyncProperty(shapes, async (shape) => {
        const { data, orders, options, columns, tableOf } = await made(shape);
        const packed = await pack(options());
        const stride = strideWords(data.layout);
        for (const split of ["train", "val", "test"] as const) {
          const words = wordsOf(packed.splits[split]?.path ?? "");
          for (let at = 0; at < words.length; at += stride)
            columns.forEach((word, c) => {
              const id = words[at + word];
              if (id >= 0) words[at + word] = orders[tableOf[c]][id];
            });
          expect(words).toEqual(wordsOf(data.splits[split]?.path ?? ""));
        }
      }),
      { numRuns: 25 },
    );
  });

  it("puts every training input into hot or cold, in order, hot if and only if all its ids are", async () => {
    await fc.assert(
      fc.asyncProperty(shapes, async (shape) => {
        const { data, options, columns, tableOf } = await made(shape);
        const packed = await pack(options());
        const stride = strideWords(data.layout);
        const isHot = (row: string) => {
          const words = row.split(",").map(Number);
          return [...columns].every((word, c) => words[word] < shape.tables[tableOf[c]].hot);
        };
        const rows = rowsOf(packed.splits.train?.path ?? "", stride);
        const { hot, cold } = packed.splits;
        expect(rowsOf(hot?.path ?? "", stride)).toEqual(rows.filter(isHot));
        expect(rowsOf(cold?.path ?? "", stride)).toEqual(rows.filter((row) => !isHot(row)));
        expect((hot?.rows ?? 0) + (cold?.rows ?? 0)).toBe(shape.inputs[0]);
      }),
      { numRuns: 25 },
    );
  });

  it("writes the same without classes, but for these", async () => {
    await fc.assert(
      fc.asyncProperty(shapes, async (shape) => {
        const { options } = await made(shape);
        const [whole, lean] = [await pack(options()), await pack(options({ classes: false }))];
        const {
          "/manifest.json": _,
          "/train.hot.rows": hot,
          "/train.cold.rows": cold,
          ...rest
        } = contents(whole.directory);
        const { "/manifest.json": __, ...found } = contents(lean.directory);
        expect(hot + cold).toHaveLength(rest["/train.rows"].length);
        expect(found).toEqual(rest);
        expect(Object.keys(lean.splits)).toEqual(["train", "val", "test"]);
        expect(lean.packed?.hotInputs).toBe(whole.splits.hot?.rows);
        expect(whole.packed?.hotInputs).toBe(whole.splits.hot?.rows);
        expect(() => toBatchSource(lean, "hot")).toThrow(/no split 'hot'.* packed without classes/);
      }),
      { numRuns: 15 },
    );
  });

  it("keeps orders, vocabularies and where it came from", async () => {
    const shape = { ...fc.sample(shapes, { seed: 3, numRuns: 1 })[0], hasVocabulary: true };
    const { data, orders, vocabularies, options } = await made(shape);
    const packed = await pack(options());
    expect(packed.packed).toMatchObject({
      from: data.digest,
      hotRows: shape.tables.map(({ hot }) => hot),
      budgetBytes: 800,
      rowBytes: 4,
    });
    orders.forEach((order, t) => {
      const kept = wordsOf(packed.packed?.originalIdsPaths[t] ?? "");
      expect([...kept]).toEqual([...order]);
      const keys = wordsOf(join(packed.directory, `vocab/t${t}.i32`));
      expect([...keys]).toEqual([...order].map((original) => vocabularies[t][original]));
    });
    expect(packed.digest).not.toBe(data.digest);
    expect(existsSync(`${packed.directory}.partial`)).toBe(false);
    expect(readdirSync(packed.directory).sort()).toEqual([
      "manifest.json",
      "original-ids",
      "test.rows",
      "train.cold.rows",
      "train.hot.rows",
      "train.rows",
      "val.rows",
      "vocab",
    ]);
  });

  it("gives the same bytes when interrupted anywhere and resumed, whatever the size of parts", async () => {
    const shape: Shape = {
      tables: [
        { rows: 20, hotness: 2, hot: 9 },
        { rows: 7, hotness: 1, hot: 4 },
      ],
      steps: 0,
      denseFeatures: 1,
      inputs: [70, 20, 18],
      hasVocabulary: true,
      seed: 5,
    };
    const { options } = await made(shape);
    const whole = await pack(options({ partBytes: 2 ** 20 }));
    const expected = contents(whole.directory);
    let stops = 0;
    for (let stopAt = 1; ; stopAt++) {
      const controller = new AbortController();
      let seen = 0;
      const interruptible = options({
        signal: controller.signal,
        onProgress: () => {
          if (++seen === stopAt) controller.abort();
        },
      });
      const first = await pack(interruptible).catch((error: unknown) => error as FaeError);
      if (!(first instanceof FaeError)) {
        expect(contents(first.directory)).toEqual(expected);
        break;
      }
      stops++;
      expect(first.code).toBe("ERR_INTERRUPTED");
      expect(existsSync(interruptible.directory)).toBe(false);
      const { signal, onProgress, ...rest } = interruptible;
      const resumed = await pack({ ...rest, partBytes: stopAt % 2 === 0 ? 300 : (rest.partBytes ?? 1) });
      expect(contents(resumed.directory)).toEqual(expected);
    }
    expect(stops).toBeGreaterThan(10);
  });

  it("takes budgets with nothing hot and with everything hot", async () => {
    const shape: Shape = {
      tables: [{ rows: 9, hotness: 1, hot: 0 }],
      steps: 0,
      denseFeatures: 0,
      inputs: [50, 0, 1],
      hasVocabulary: false,
      seed: 1,
    };
    const { options, data } = await made(shape);
    const none = await pack(options());
    const touching = rowsOf(data.splits.train?.path ?? "", 2).filter((row) => !row.endsWith(",-1")).length;
    expect(none.splits.cold?.rows).toBe(touching);
    const all = await pack(options({ hotRows: [9] }));
    expect([all.splits.hot?.rows, all.splits.cold?.rows]).toEqual([50, 0]);
    expect(all.digest).not.toBe(none.digest);
  });
});

describe("pack refuses", () => {
  const shape: Shape = {
    tables: [
      { rows: 6, hotness: 1, hot: 3 },
      { rows: 4, hotness: 1, hot: 2 },
    ],
    steps: 0,
    denseFeatures: 1,
    inputs: [20, 5, 5],
    hasVocabulary: false,
    seed: 2,
  };
  const refused = async (change: (data: PreparedData) => Partial<PackOptions>) => {
    const { data, options } = await made(shape);
    const tried = options(change(data));
    const error = (await pack(tried).catch((cause: unknown) => cause)) as FaeError;
    expect(error).toBeInstanceOf(FaeError);
    expect(error.fix).toBeTruthy();
    expect(existsSync(tried.directory)).toBe(false);
    expect(existsSync(`${tried.directory}.partial`)).toBe(false);
    return expect(error);
  };

  it("what was made from other data", async () => {
    (await refused(() => ({ madeFrom: "ab".repeat(32) }))).toMatchObject({
      code: "ERR_DATA",
      message: expect.stringContaining("made from data abababababab"),
    });
    (await refused((data) => ({ data: { ...data, digest: "cd".repeat(32) } }))).toMatchObject({
      message: expect.stringContaining("has changed"),
    });
  });

  it("counts of other tables", async () => {
    const cases: [Uint32Array[], RegExp][] = [
      [[new Uint32Array(6)], /access counts of 1 tables, the data have 2/],
      [[new Uint32Array(6), new Uint32Array(3)], /"t1" has 4 rows and 3 access counts/],
    ];
    for (const [wrong, message] of cases)
      (await refused(() => ({ counts: async () => wrong }))).toMatchObject({
        code: "ERR_DATA",
        message: expect.stringMatching(message),
      });
  });

  it("hot rows beyond the table or the budget", async () => {
    for (const hotRows of [[7, 1], [-1, 1], [1.5, 1], [1]])
      (await refused(() => ({ hotRows }))).toMatchObject({ code: "ERR_PLAN" });
    (await refused(() => ({ budgetBytes: 19 }))).toMatchObject({
      code: "ERR_PLAN",
      details: { needBytes: 20, budgetBytes: 19, rowBytes: 4 },
    });
    (await refused(() => ({ budgetBytes: 0 }))).toMatchObject({ code: "ERR_PLAN" });
  });

  it("a disk that cannot hold the result, before it writes anything", async () => {
    const claimed = (data: PreparedData) => ({
      data: { ...data, splits: { ...data.splits, train: { path: data.splits.train?.path ?? "", rows: 2 ** 45 } } },
    });
    (await refused(claimed)).toMatchObject({
      code: "ERR_DISK_FULL",
      details: { needBytes: expect.any(Number), freeBytes: expect.any(Number) },
    });
  });

  it("packed data, and an abort before the start", async () => {
    const { options } = await made(shape);
    const packed = await pack(options());
    await expect(pack(options({ data: packed, madeFrom: packed.digest }))).rejects.toThrow(/packed already/);
    (await refused(() => ({ signal: AbortSignal.abort() }))).toMatchObject({ code: "ERR_INTERRUPTED" });
    (await refused(() => ({ workers: 0 }))).toMatchObject({ code: "ERR_CONFIG" });
  });

  it("a directory that exists, and interrupted work of another pack", async () => {
    const { options } = await made(shape);
    const done = await pack(options());
    await expect(pack(options({ directory: done.directory }))).rejects.toThrow(/exists already/);
    const controller = new AbortController();
    const begun = options({ signal: controller.signal, onProgress: () => controller.abort() });
    await expect(pack(begun)).rejects.toMatchObject({ code: "ERR_INTERRUPTED" });
    await expect(pack(options({ directory: begun.directory, hotRows: [1, 1] }))).rejects.toThrow(/differs in hotRows/);
    const other = async () => [Uint32Array.of(0, 0, 0, 0, 0, 1), Uint32Array.of(0, 2, 0, 1)];
    await expect(pack(options({ directory: begun.directory, counts: other }))).rejects.toThrow(/differs in orders/);
    await expect(pack(options({ directory: begun.directory, classes: false }))).rejects.toThrow(/differs in classes/);
  });

  it("labels that are not those of the manifest", async () => {
    const { data, options } = await made(shape);
    const path = data.splits.test?.path ?? "";
    const words = wordsOf(path);
    words[0] = 1 - words[0];
    writeFileSync(path, words);
    await expect(pack(options())).rejects.toThrow(/Split test of .* positive inputs, its manifest says/);
  });

  it("ids outside their table, and leaves nothing behind", async () => {
    const { data, options } = await made(shape);
    const path = data.splits.train?.path ?? "";
    const words = wordsOf(path);
    words[4 * strideWords(data.layout) + 2] = 6;
    writeFileSync(path, words);
    const tried = options();
    await expect(pack(tried)).rejects.toThrow(/Input 4 of '.*train.rows' has id 6 in table "t0" of 6 rows/);
    expect(existsSync(`${tried.directory}.partial`)).toBe(false);
  });
});
