import { readdirSync, writeFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { DataError } from "@fae/core";
import { expect, test } from "vitest";
import { temporary } from "../../test/support/logs.js";
import { type Crafted, craftParquet, varint } from "../../test/support/parquet.js";
import { importParquet, type ParquetColumns } from "./import-parquet.js";

const columns: ParquetColumns = { label: "y", dense: ["d"], tables: ["a", "b"], tableRows: [5, 5] };
const names = ["y", "d", "a", "b"];

/** One run of `count` zeros, indices of one bit. */
const run = (count: number) => Buffer.concat([Buffer.from([1]), varint(count * 2), Buffer.from([0])]);
const plain = (values: number) => ({ values, bytes: new Uint8Array(4 * values) });

async function imported(file: Crafted, given: ParquetColumns | null = columns) {
  using directory = temporary();
  const path = directory.file("train.parquet");
  writeFileSync(path, craftParquet(names, file));
  const out = directory.file("out");
  const call = importParquet({ files: { train: path }, directory: out, ...(given && { columns: given }) });
  const outcome = await call.catch((error: unknown) => error);
  if (outcome instanceof Error) expect(readdirSync(directory.path)).toEqual(["train.parquet"]);
  return outcome;
}

test("crafted files that keep to their bounds are read", async () => {
  const coded = { values: 10, bytes: run(10), encoding: 8 };
  const level = Buffer.concat([Buffer.from([2, 0, 0, 0]), varint(10 * 2), Buffer.from([1])]);
  const files: Crafted[] = [
    { rows: 10, page: plain(10) },
    { rows: 10, page: coded, dictionary: [0] },
    { rows: 10, page: { ...plain(10), bytes: Buffer.concat([level, plain(10).bytes]) }, isOptional: true },
    { rows: 10, page: { values: 10, bytes: gzipSync(new Uint8Array(40)), textBytes: 40 }, codec: 2 },
    { rows: 10, page: { values: 10, bytes: brotliCompressSync(new Uint8Array(40)), textBytes: 40 }, codec: 4 },
  ];
  for (const file of files) expect(await imported(file)).toMatchObject({ splits: { train: { rows: 10 } } });
});

const huge = 1_000_000_000;
const bomb = new Uint8Array(64 << 20);

test.each<[string, Crafted, RegExp]>([
  [
    "a row group of a billion rows",
    { rows: huge, page: { values: huge, bytes: run(huge), encoding: 8 }, dictionary: [0] },
    /row group 0: it has 1000000000 rows of 4 columns, more than the 16777216 that are read at once/,
  ],
  ["negative rows", { rows: -5, page: plain(1) }, /row group 0: it states -5 rows/],
  [
    "a page of more values than its row group",
    { rows: 10, page: { ...plain(10), values: 0x7fffffff } },
    /row group 0: column 'y': a page states 2147483647 values of 10/,
  ],
  [
    "a run of more values than its page",
    { rows: 10, page: { values: 10, bytes: run(huge), encoding: 8 }, dictionary: [0] },
    /column 'y': a run states 1000000000 values of 10/,
  ],
  [
    "a run of levels of more values than its page",
    {
      rows: 10,
      page: { values: 10, bytes: Buffer.concat([Buffer.from([6, 0, 0, 0]), varint(huge * 2), Buffer.from([1])]) },
      isOptional: true,
    },
    /a run states 1000000000 values of 10/,
  ],
  [
    "a gzip page that is longer than it says",
    { rows: 10, page: { values: 10, bytes: gzipSync(bomb), textBytes: 40 }, codec: 2 },
    /larger than 40 bytes/,
  ],
  [
    "a Brotli page that is longer than it says",
    { rows: 10, page: { values: 10, bytes: brotliCompressSync(bomb.subarray(0, 1 << 20)), textBytes: 40 }, codec: 4 },
    /larger than 40 bytes/,
  ],
  [
    "a page of more bytes than values need",
    { rows: 10, page: { ...plain(10), textBytes: 0x7fffffff }, codec: 1 },
    /a page states 2147483647 bytes for 10 values/,
  ],
  ["an encoding of texts", { rows: 10, page: { ...plain(10), encoding: 7 } }, /encoding DELTA_BYTE_ARRAY/],
])("%s is an error with its numbers", async (_, file, message) => {
  const isDecoded = /larger than/.test(message.source);
  const error = await imported(isDecoded ? { ...file, page: { ...file.page, encoding: 8 } } : file);
  expect(error).toBeInstanceOf(DataError);
  expect((error as DataError).message).toMatch(message);
  expect((error as DataError).message).toContain("train.parquet' is not a readable Parquet file");
  // The values themselves are decoded under the same limits, where the check has no need to look at them.
  if (isDecoded) expect((await imported(file)) as DataError).toBeInstanceOf(DataError);
});

test("a wrong value is named by its row of the file, not of its row group", async () => {
  const bytes = Buffer.from(Int32Array.from([0, 0, 7]).buffer);
  const error = await imported({ rows: 3, groups: 2, page: { values: 3, bytes } });
  expect(error).toMatchObject({ message: expect.stringMatching(/Row 2 of train: the label is 7/) });
});

test("a description that the file does not have the columns for is refused", async () => {
  const layout = { denseFeatures: 1, denseEncoding: "int32-log1p", steps: 0, hotness: [1, 1] };
  const tables = [
    { name: "a", rows: 5 },
    { name: "b", rows: 5 },
  ];
  const described = (change: object) =>
    imported(
      {
        rows: 10,
        page: plain(10),
        layout: JSON.stringify({ source: "custom", layout, dense: ["d"], tables, ...change }),
      },
      null,
    );
  // The names of ids are those of the tables.
  expect(await described({ layout: { ...layout, hotness: [1, 1] } })).toMatchObject({ code: "ERR_DATA" });
  expect(await described({ layout: { ...layout, hotness: [65536, 65536] } })).toMatchObject({
    message: expect.stringContaining("its fae.layout does not describe its 4 columns"),
  });
  expect(await described({ layout: { ...layout, hotness: [1e9, 1] } })).toMatchObject({
    message: expect.stringContaining("Too big"),
  });
  expect(await imported({ rows: 10, page: plain(10), layout: "{" }, null)).toMatchObject({
    message: expect.stringContaining("its fae.layout is not JSON"),
  });
});
