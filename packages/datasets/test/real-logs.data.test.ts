import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exportNpz, importNpz, openVocabulary, prepare, readManifest, readNpz } from "../src/index.js";
import { readAll, readRows, shared, temporary } from "./support/logs.js";

if (!shared) console.log("skipped: the tests on real logs need FAE_SHARED, the directory that holds data/ and golden/");

const data = (...names: string[]) => join(shared ?? "", "data", ...names);
const golden = join(shared ?? "", "golden/criteo-kaggle-8000-npz/kaggleAdDisplayChallenge_processed.npz");
const kaggleParts = ["train", "dev", "test"].map((part) => data("criteo_kaggle", `wideresdnn_${part}.tsv.gz`));

describe.skipIf(!shared)("real logs", () => {
  it("prepare 8,000 Criteo rows exactly as the reference does", async () => {
    using directory = temporary();
    const found = await prepare({ format: "criteo-kaggle", files: kaggleParts, directory: directory.file("out") });
    const { X_cat, X_int, y, counts } = await readNpz(golden);
    expect(found.tables.map(({ rows }) => rows)).toEqual(Array.from(counts.data, Number));
    const rows = readAll(found);
    expect(rows).toHaveLength(8000);
    expect(rows.map(([label]) => label)).toEqual(Array.from(y.data, Number));
    expect(rows.flatMap((row) => row.slice(1, 14))).toEqual(Array.from(X_int.data, Number));
    expect(rows.flatMap((row) => row.slice(14))).toEqual(Array.from(X_cat.data, Number));
    expect(found.labelRate).toBe(0.216);
    // array_split of 1,142 rows of the seventh day.
    expect(Object.values(found.splits).map((split) => split?.rows)).toEqual([6858, 571, 571]);
    const vocabulary = await openVocabulary(found.directory, "C1");
    expect(vocabulary.textOf(0)).toBe("68fd1e64");
    expect(vocabulary.idOf("68fd1e64")).toBe(0);
  });

  it("export and import the reference's .npz without a change", async () => {
    using directory = temporary();
    const { X_cat, X_int, y, counts } = await readNpz(golden);
    const imported = await importNpz({ format: "criteo-kaggle", file: golden, directory: directory.file("imported") });
    const prepared = await prepare({
      format: "criteo-kaggle",
      files: kaggleParts,
      directory: directory.file("prepared"),
    });
    for (const split of ["train", "val", "test"] as const)
      expect(readRows(imported, split)).toEqual(readRows(prepared, split));
    await exportNpz(imported, directory.file("again.npz"));
    const again = await readNpz(directory.file("again.npz"));
    expect(Object.keys(again)).toEqual(["X_cat", "X_int", "y", "counts"]);
    for (const [name, array] of Object.entries({ X_cat, X_int, y, counts })) {
      expect({ type: again[name].type, shape: again[name].shape }).toEqual({ type: array.type, shape: array.shape });
      expect(Buffer.compare(Buffer.from(again[name].data.buffer), Buffer.from(array.data.buffer))).toBe(0);
    }
  });

  it("reject exactly the 498 lines that lost their last fields", async () => {
    using directory = temporary();
    const files = [data("criteo_kaggle", "pytorchfm_train_head1000.txt.gz")];
    const out = directory.file("out");
    await expect(prepare({ format: "criteo-kaggle", files, directory: out })).rejects.toThrow(
      /498 of 1000 lines are malformed \(49.8 %\).*line 3 \(byte 515\): too-few-fields, 38 instead of 40/,
    );
    const found = await prepare({ format: "criteo-kaggle", files, directory: out, maxRejects: 0.5 });
    const { lines } = await readManifest(out);
    expect(lines).toMatchObject({
      total: 1000,
      rejected: 498,
      byReason: { "too-few-fields": 498 },
      file: "rejects.tsv",
    });
    expect(readAll(found)).toHaveLength(502);
  });

  it("prepare 10,000 Terabyte rows", async () => {
    using directory = temporary();
    const files = [data("criteo_terabyte", "day_0.part.txt.gz")];
    const found = await prepare({ format: "criteo-terabyte", files, directory: directory.file("out") });
    expect(readAll(found)).toHaveLength(10_000);
    expect(found.labelRate).toBe(0.0265);
    const again = await prepare({
      format: "criteo-terabyte",
      files: [...files, ...files],
      asGiven: true,
      directory: directory.file("two"),
    });
    expect([again.splits.train?.rows, again.splits.test?.rows, again.splits.val?.rows]).toEqual([10_000, 5000, 5000]);
    expect(again.tables).toEqual(found.tables);
  });

  it("prepare Avazu rows, with and without a header, LF and CR LF", async () => {
    using directory = temporary();
    const parts = ["train", "dev", "test"].map((part) => data("avazu", `wideresdnn_${part}.csv.gz`));
    const found = await prepare({ format: "avazu", files: parts, directory: directory.file("parts") });
    expect(readAll(found)).toHaveLength(8087 + 480 + 432);
    expect(found.labelRate).toBeCloseTo((0.1727 * 8087 + 0.1792 * 480 + 0.1852 * 432) / 8999, 4);
    expect(found.splits.train?.rows).toBe(Math.floor(8999 * 0.8));
    expect(readRows(found, "val").every(([, hour]) => hour === 0)).toBe(true);
    const c20 = await openVocabulary(found.directory, "C20");
    expect(c20.idOf("-1")).not.toBe(null);

    const head = await prepare({
      format: "avazu",
      files: [data("avazu", "tr.rx.csv.gz")],
      directory: directory.file("head"),
    });
    expect(readAll(head)).toHaveLength(2994);
    expect(head.labelRate).toBeCloseTo(0.1743, 4);
    expect((await readManifest(head.directory)).lines).toMatchObject({ total: 2995, crlf: 2995, rejected: 0 });
  });

  it.each([
    ["UserBehavior_head100001.csv.gz", 983, 64_467, 3128],
    ["UserBehavior_users_999477on_10000.csv.gz", 114, 7623, 1096],
  ])("prepare the Taobao series of %s", async (file, users, items, categories) => {
    using directory = temporary();
    const options = { files: [data("taobao", file)], directory: directory.file("out"), series: { usersMultiple: 1 } };
    const found = await prepare({ format: "taobao", ...options });
    expect(found.tables.map(({ rows }) => rows)).toEqual([users, items, categories]);
    expect(found.layout).toEqual({ denseFeatures: 1, denseEncoding: "float32", steps: 21, hotness: [1, 1, 1] });
    const train = readRows(found, "train");
    expect(train.filter(([label]) => label === 1)).toHaveLength(train.length / 2);
    expect(readRows(found, "test").length).toBeLessThanOrEqual(Math.ceil(users * 0.3));
    const { keys } = await openVocabulary(found.directory, "item");
    expect([...keys]).toEqual([...keys].sort((a, b) => a - b));
  });
});
