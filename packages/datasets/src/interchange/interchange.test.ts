import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { DataError, type PreparedData } from "@fae/core";
import { parquetWriteFile } from "hyparquet-writer";
import { beforeAll, describe, expect, it } from "vitest";
import { digests, randomLog, readRows, temporary } from "../../test/support/logs.js";
import { readManifest } from "../open-prepared.js";
import { prepare } from "../prepare/prepare.js";
import type { RawFormatName } from "../raw-format.js";
import { rawFormats } from "../raw-formats.js";
import { exportNpz, exportSeriesNpz } from "./export-npz.js";
import { exportParquet } from "./export-parquet.js";
import { importNpz } from "./import-npz.js";
import { importParquet } from "./import-parquet.js";
import { importSeriesNpz } from "./import-series-npz.js";
import { type NpyArray, readNpz, writeNpz } from "./npz.js";
import { exportTerabyteBinary, importTerabyteBinary } from "./terabyte-binary.js";

const home = temporary();
const splits = ["train", "val", "test"] as const;
const prepared = new Map<RawFormatName, PreparedData>();
const data = (format: RawFormatName) => prepared.get(format) as PreparedData;
let npz: Record<string, NpyArray>;

beforeAll(async () => {
  for (const format of ["criteo-kaggle", "avazu", "taobao"] as const) {
    const log = home.file(format);
    writeFileSync(log, randomLog(rawFormats[format], format === "taobao" ? 2000 : 120, 6));
    const series = format === "taobao" ? { series: { usersMultiple: 1 } } : {};
    prepared.set(format, await prepare({ format, files: [log], directory: home.file(`${format}-data`), ...series }));
  }
  await exportNpz(data("criteo-kaggle"), home.file("kaggle.npz"));
  npz = await readNpz(home.file("kaggle.npz"));
  return () => home[Symbol.dispose]();
});

const same = (a: PreparedData, b: PreparedData) => {
  for (const split of splits) expect(readRows(a, split)).toEqual(readRows(b, split));
  expect(a.tables).toEqual(b.tables);
  expect(a.layout).toEqual(b.layout);
  expect(a.labelRate).toBeCloseTo(b.labelRate, 12);
};

describe("npz", () => {
  it.each(["criteo-kaggle", "avazu"] as const)("carries %s out and back", async (format) => {
    using directory = temporary();
    await exportNpz(data(format), directory.file("x.npz"));
    const back = await importNpz({ format, file: directory.file("x.npz"), directory: directory.file("back") });
    same(back, data(format));
    const { sources } = await readManifest(back.directory);
    expect(sources).toEqual([
      { name: "x.npz", bytes: readFileSync(directory.file("x.npz")).length, sha256: digests(directory.path)["x.npz"] },
    ]);
  });

  it("splits by the counts of the days where they are given", async () => {
    using directory = temporary();
    const options = { format: "criteo-kaggle", file: home.file("kaggle.npz") } as const;
    const found = await importNpz({ ...options, directory: directory.file("a"), dayRows: [50, 40, 30] });
    expect(splits.map((split) => found.splits[split]?.rows)).toEqual([90, 15, 15]);
    const wrong = importNpz({ ...options, directory: directory.file("b"), dayRows: [50, 40] });
    await expect(wrong).rejects.toThrow(/days have 90 inputs, .* has 120/);
    expect(readdirSync(directory.path)).toEqual(["a"]);
  });

  it.each<[string, (arrays: Record<string, NpyArray>) => void, RegExp]>([
    ["a label of 2", ({ y }) => y.data.fill(2 as never, 5, 6), /Row 5 of train: the label is 2, expected 0 or 1/],
    [
      "an id beyond its table",
      ({ X_cat, counts }) => X_cat.data.fill(counts.data[3] as never, 29, 30),
      /Row 1 of train: the id of 'C4' is 12, expected below 12/,
    ],
    [
      "a negative count",
      ({ X_int }) => X_int.data.fill(-3 as never, 0, 1),
      /Row 0 of train: dense value 1 is -3, expected 0 or more/,
    ],
    [
      "an id that is no integer",
      ({ X_cat }) => X_cat.data.fill(1.5 as never, 40, 41),
      /Element 40 of 'X_cat.npy' .* is 1.5/,
    ],
    [
      "another number of rows",
      (arrays) => Object.assign(arrays, { y: { ...arrays.y, shape: [119], data: arrays.y.data.slice(1) } }),
      /'X_cat' .* has shape \(120, 26\), expected \(119, 26\)/,
    ],
    ["no counts", (arrays) => delete arrays.counts, /has no array 'counts'/],
    [
      "counts of another model",
      (arrays) => Object.assign(arrays, { counts: { type: "int32", shape: [2], data: Int32Array.of(1, 2) } }),
      /'counts' .* has shape \(2\), expected \(26\)/,
    ],
  ])("with %s is refused and leaves nothing", async (_name, damage, message) => {
    using directory = temporary();
    const arrays = Object.fromEntries(
      Object.entries(npz).map(([name, array]) => [name, { ...array, data: array.data.slice() }]),
    );
    damage(arrays);
    await writeNpz(directory.file("x.npz"), arrays);
    const failed = importNpz({
      format: "criteo-kaggle",
      file: directory.file("x.npz"),
      directory: directory.file("out"),
    });
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toThrow(DataError);
    expect(readdirSync(directory.path)).toEqual(["x.npz"]);
  });

  it("carries series out and back", async () => {
    using directory = temporary();
    const taobao = data("taobao");
    for (const split of splits) await exportSeriesNpz(taobao, split, directory.file(`${split}.npz`));
    const { X_cat, X_int, y } = await readNpz(directory.file("train.npz"));
    const rows = taobao.splits.train?.rows ?? 0;
    expect([X_cat.shape, X_int.shape, y.shape]).toEqual([[3, rows, 21], [1, rows, 21], [rows]]);
    expect([X_cat.type, X_int.type, y.type]).toEqual(["int32", "float64", "int32"]);
    const [first] = readRows(taobao, "train");
    expect([...X_cat.data.slice(0, 21)]).toEqual(Array.from({ length: 21 }, (_, step) => first[2 + step * 4]));
    const files = {
      train: directory.file("train.npz"),
      val: directory.file("val.npz"),
      test: directory.file("test.npz"),
    };
    const tableRows = taobao.tables.map((table) => table.rows);
    same(await importSeriesNpz({ files, directory: directory.file("back"), tableRows }), taobao);
    const small = importSeriesNpz({ files, directory: directory.file("small"), tableRows: [40, 3, 40] });
    await expect(small).rejects.toThrow(/the id of 'item' is \d+, expected below 3/);
  });

  it("does not hold what it cannot express", async () => {
    using directory = temporary();
    await expect(exportNpz(data("taobao"), directory.file("x.npz"))).rejects.toThrow(/21 steps.*Export it as Parquet/);
    await expect(exportSeriesNpz(data("avazu"), "train", directory.file("x.npz"))).rejects.toThrow(/holds no series/);
  });
});

describe("Terabyte binary", () => {
  it("goes out and back without a change of a byte", async () => {
    using directory = temporary();
    const kaggle = data("criteo-kaggle");
    await exportTerabyteBinary(kaggle, directory.file("bin"));
    expect(readdirSync(directory.file("bin")).sort()).toEqual([
      "day_fea_count.npz",
      "test_data.bin",
      "train_data.bin",
      "val_data.bin",
    ]);
    expect(readFileSync(directory.file("bin", "train_data.bin"))).toEqual(
      readFileSync(`${kaggle.directory}/train.rows`),
    );
    const files = {
      train: directory.file("bin", "train_data.bin"),
      test: directory.file("bin", "test_data.bin"),
      val: directory.file("bin", "val_data.bin"),
    };
    const counts = directory.file("bin", "day_fea_count.npz");
    const back = await importTerabyteBinary({
      files,
      counts,
      directory: directory.file("back"),
      format: "criteo-kaggle",
    });
    same(back, kaggle);
    await expect(exportTerabyteBinary(kaggle, directory.file("bin"))).rejects.toThrow(/exists already/);
    truncateSync(files.train, 1000);
    const cut = importTerabyteBinary({ files, counts, directory: directory.file("cut") });
    await expect(cut).rejects.toThrow(/train_data.bin' has 1000 bytes, which is no multiple of 160/);
    const tiny = importTerabyteBinary({
      files: { train: files.test },
      counts: Array<number>(26).fill(1),
      directory: directory.file("cut"),
    });
    await expect(tiny).rejects.toThrow(/Row \d of train: the id of 'C\d+' is \d+, expected below 1/);
    await expect(exportTerabyteBinary(data("taobao"), directory.file("t"))).rejects.toThrow(/21 steps/);
    expect(readdirSync(directory.path).sort()).toEqual(["back", "bin"]);
  });
});

describe("Parquet", () => {
  it.each(["criteo-kaggle", "avazu", "taobao"] as const)("carries %s out and back", async (format) => {
    using directory = temporary();
    for (const split of splits)
      await exportParquet(data(format), split, directory.file(`${split}.parquet`), { groupRows: 37 });
    const [train, val, test] = splits.map((split) => directory.file(`${split}.parquet`));
    same(await importParquet({ files: { train, val, test }, directory: directory.file("back") }), data(format));
  });

  it("reads the files of other programs by a description of their columns", async () => {
    using directory = temporary();
    const path = directory.file("x.parquet");
    parquetWriteFile({
      filename: path,
      columnData: [
        { name: "price", data: [1.5, 2.5, -3], type: "DOUBLE" },
        { name: "clicked", data: [true, false, true], type: "BOOLEAN" },
        { name: "shop", data: [4n, 0n, 9n], type: "INT64" },
        { name: "unused", data: ["a", "b", "c"], type: "STRING" },
      ],
    });
    const columns = { label: "clicked", dense: ["price"], tables: ["shop"], denseEncoding: "float32" } as const;
    const found = await importParquet({ files: { train: path }, directory: directory.file("out"), columns });
    expect(found.tables).toEqual([{ name: "shop", rows: 10 }]);
    const bits = [...new Int32Array(Float32Array.of(1.5, 2.5, -3).buffer)];
    expect(readRows(found, "train")).toEqual([
      [1, bits[0], 4],
      [0, bits[1], 0],
      [1, bits[2], 9],
    ]);
    const import_ = (change: object) =>
      importParquet({ files: { train: path }, directory: directory.file("bad"), ...change });
    await expect(import_({})).rejects.toThrow(/does not say what its columns mean/);
    await expect(import_({ columns: { ...columns, tables: ["store"] } })).rejects.toThrow(
      /has no column 'store'. It has price, clicked/,
    );
    await expect(import_({ columns: { ...columns, tables: ["unused"] } })).rejects.toThrow(
      /column 'unused': it is of type BYTE_ARRAY, expected BOOLEAN/,
    );
    await expect(import_({ columns: { ...columns, denseEncoding: "int32-log1p" } })).rejects.toThrow(
      /'price' .* holds 1.5/,
    );
    await expect(import_({ columns: { ...columns, tableRows: [5] } })).rejects.toThrow(
      /the id of 'shop' is 9, expected below 5/,
    );
    await expect(import_({ columns: { ...columns, tableRows: [5, 6] } })).rejects.toThrow(/tableRows has 2 entries/);
    writeFileSync(path, readFileSync(path).subarray(0, 100));
    await expect(import_({ columns })).rejects.toThrow(/is not a readable Parquet file/);
    expect(readdirSync(directory.path).sort()).toEqual(["out", "x.parquet"]);
  });
});
