import { appendFileSync, mkdirSync, readFileSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import { DataError, type PreparedData } from "@fae/core";
import { describe, expect, it } from "vitest";
import { randomLog, temporary } from "../test/support/logs.js";
import { type Manifest, manifestDigest } from "./manifest.js";
import { openPrepared, readManifest } from "./open-prepared.js";
import { prepare } from "./prepare/prepare.js";
import { rawFormats } from "./raw-formats.js";
import { toBatchSource } from "./source-of.js";
import { openVocabulary } from "./vocabulary.js";

/** A prepared ten-line log. */
async function withPrepared(use: (data: PreparedData, file: (name: string) => string) => Promise<void>) {
  using directory = temporary();
  writeFileSync(directory.file("train.txt"), randomLog(rawFormats["criteo-kaggle"], 10, 1));
  const options = { files: [directory.file("train.txt")], directory: directory.file("out") };
  const data = await prepare({ format: "criteo-kaggle", ...options });
  await use(data, (name) => directory.file("out", name));
}

const edit = (path: string, change: (manifest: Manifest) => unknown) => {
  const manifest = JSON.parse(readFileSync(path, "utf8")) as Manifest;
  writeFileSync(path, JSON.stringify(change(manifest) ?? manifest));
};

const editLayout = (file: (name: string) => string, change: Partial<Manifest["layout"]>) =>
  edit(file("manifest.json"), (m) => ({ ...m, layout: { ...m.layout, ...change } }));

describe("openPrepared", () => {
  it("gives what prepare gave", () =>
    withPrepared(async (data) => {
      expect(await openPrepared(data.directory)).toEqual(data);
      expect(data.splits.train).toEqual({ path: `${data.directory}/train.rows`, rows: 9 });
      expect(data.digest).toMatch(/^[0-9a-f]{64}$/);
    }));

  it.each<[string, (file: (name: string) => string) => void, RegExp]>([
    [
      "a file that is cut short",
      (file) => truncateSync(file("train.rows"), 1000),
      /train.rows' has 1000 bytes, expected 1440 \(9 rows of 160 bytes\)/,
    ],
    ["a file that grew", (file) => appendFileSync(file("test.rows"), "x"), /test.rows' has 161 bytes, expected 160/],
    ["a missing file", (file) => unlinkSync(file("val.rows")), /val.rows' is missing/],
    ["a vocabulary of another size", (file) => truncateSync(file("vocab/C2.i32"), 4), /C2.i32' has 4 bytes/],
    [
      "a manifest of another version",
      (file) => edit(file("manifest.json"), (m) => ({ ...m, version: 7 })),
      /has version 7; this release reads versions 1 and 2/,
    ],
    ["a manifest that is no JSON", (file) => writeFileSync(file("manifest.json"), "{"), /is not valid JSON/],
    ["another program's manifest", (file) => writeFileSync(file("manifest.json"), "{}"), /no format 'fae-prepared'/],
    [
      "a damaged manifest",
      (file) => edit(file("manifest.json"), (m) => ({ ...m, labelRate: 2 })),
      /is damaged: .*labelRate/,
    ],
    [
      "more ids of a table than an engine takes",
      (file) => editLayout(file, { hotness: [400_000_000, ...new Array<number>(25).fill(1)] }),
      /is damaged: .*Too big: expected number to be <=65536/,
    ],
    ["inputs that are too long", (file) => editLayout(file, { steps: 1_000_000_000 }), /at most 1048576 words/],
    [
      "more rows of a table than ids",
      (file) => edit(file("manifest.json"), (m) => ({ ...m, tables: m.tables.map((t) => ({ ...t, rows: 2 ** 31 })) })),
      /is damaged: .*Too big: expected number to be <=2147483647/,
    ],
    ["a manifest that is null", (file) => writeFileSync(file("manifest.json"), "null"), /no format 'fae-prepared'/],
    [
      "a manifest that is too large",
      (file) => truncateSync(file("manifest.json"), 2 ** 27),
      /at most 67108864 are read/,
    ],
    [
      "a path that leaves the directory",
      (file) =>
        edit(file("manifest.json"), (m) => ({ ...m, splits: { train: { file: "../x", rows: 1, positives: 0 } } })),
      /is damaged: .*inside the data set/,
    ],
    [
      "tables that do not fit the layout",
      (file) => edit(file("manifest.json"), (m) => ({ ...m, tables: m.tables.slice(1) })),
      /25 tables and 26 hotness/,
    ],
    [
      "a manifest that cannot be read",
      (file) => {
        unlinkSync(file("manifest.json"));
        symlinkSync("manifest.json", file("manifest.json"));
      },
      /manifest.json' cannot be read: ELOOP: .*Check the file and its permissions/,
    ],
    ["a missing manifest", (file) => unlinkSync(file("manifest.json")), /is not a prepared data set/],
  ])("refuses %s", (_name, damage, message) =>
    withPrepared(async (data, file) => {
      damage(file);
      await expect(openPrepared(data.directory)).rejects.toThrow(DataError);
      await expect(openPrepared(data.directory)).rejects.toThrow(message);
    }),
  );

  it("points at an interrupted preparation", async () => {
    using directory = temporary();
    mkdirSync(directory.file("out.partial"));
    await expect(openPrepared(directory.file("out"))).rejects.toThrow(/was interrupted .* run the same prepare again/);
  });
});

describe("manifestDigest", () => {
  it("depends on the contents, neither on the order of keys nor on packing", () =>
    withPrepared(async (data) => {
      const manifest = await readManifest(data.directory);
      const turned = Object.fromEntries(Object.entries(manifest).reverse()) as Manifest;
      const hot = { hotRows: [1], hotInputs: 0, hotPositives: 0 };
      const packed = { from: data.digest, ...hot, budgetBytes: 1, rowBytes: 1, originalIds: [] };
      expect(manifestDigest(turned)).toBe(data.digest);
      expect(manifestDigest({ ...manifest, packed })).toBe(data.digest);
      expect(manifestDigest({ ...manifest, labelRate: 0.5 })).not.toBe(data.digest);
    }));
});

describe("toBatchSource", () => {
  it("names a split's file, rows and layout", () =>
    withPrepared(async (data) => {
      expect(toBatchSource(data, "train", { shuffleSeed: 3 })).toEqual({
        name: "train",
        layout: data.layout,
        rows: 9,
        storage: { kind: "file", path: data.splits.train?.path },
        shuffleSeed: 3,
      });
      expect(toBatchSource(data, "test", { name: "held out" })).toMatchObject({ name: "held out", shuffleSeed: null });
      expect(() => toBatchSource(data, "hot")).toThrow(
        /has no split 'hot', it has train, val, test. Run pack on it first/,
      );
    }));
});

describe("openVocabulary", () => {
  it("goes from ids to raw keys and back", () =>
    withPrepared(async (data) => {
      const vocabulary = await openVocabulary(data.directory, "C5");
      for (let id = 0; id < vocabulary.keys.length; id++) {
        const text = vocabulary.textOf(id);
        expect(text).toMatch(/^[0-9a-f]{8}$/);
        expect(vocabulary.idOf(text)).toBe(id);
      }
      expect(vocabulary.idOf("12345678")).toBe(null);
      expect(vocabulary.idOf("none")).toBe(null);
      expect(vocabulary.idOf("00000000")).toBe(vocabulary.idOf(""));
      expect(() => vocabulary.textOf(vocabulary.keys.length)).toThrow(/has no id/);
    }));

  it("says which tables have one", () =>
    withPrepared(async (data) => {
      await expect(openVocabulary(data.directory, "C99")).rejects.toThrow(
        /no vocabulary of table 'C99'. Tables with one: C1, C2/,
      );
    }));
});
