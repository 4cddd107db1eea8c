import * as zlib from "node:zlib";
import { expect, it } from "vitest";
import { importParquet } from "../src/index.js";
import { unpackLz4 } from "../src/interchange/parquet-compression.js";
import { duckdb } from "./schema/support.js";
import { readRows, temporary } from "./support/logs.js";

const query =
  "SELECT (i % 2)::INTEGER AS click, (i * 7919 % 100)::INTEGER AS count, (i * 31 % 50)::INTEGER AS item FROM range(5000) r(i)";
const columns = { label: "click", dense: ["count"], tables: ["item"] };

it("takes several files and globs, in the order of their numbers", async () => {
  using directory = temporary();
  const at = (name: string) => directory.file(name);
  await duckdb(
    `CREATE TABLE log AS ${query}`,
    `COPY log TO '${at("whole.parquet")}' (FORMAT parquet)`,
    `COPY (FROM log LIMIT 3000) TO '${at("part-2.parquet")}' (FORMAT parquet)`,
    `COPY (FROM log OFFSET 3000) TO '${at("part-10.parquet")}' (FORMAT parquet)`,
  );
  const imported = async (name: string, train: string | string[]) =>
    readRows(await importParquet({ files: { train }, columns, directory: at(name) }), "train");
  const whole = await imported("a", at("whole.parquet"));
  expect(whole).toHaveLength(5000);
  expect(await imported("b", at("part-*.parquet"))).toEqual(whole);
  expect(await imported("c", [at("part-2.parquet"), at("part-10.parquet")])).toEqual(whole);
  await expect(imported("d", at("none-*.parquet"))).rejects.toThrow("No file matches");
});

it.each(["snappy", "gzip", "brotli", "lz4_raw", "lz4"])("unpacks %s", async (codec) => {
  using directory = temporary();
  await duckdb(
    `CREATE TABLE log AS ${query}`,
    `COPY log TO '${directory.file("a.parquet")}' (FORMAT parquet, COMPRESSION ${codec})`,
  );
  const data = await importParquet({
    files: { train: directory.file("a.parquet") },
    columns,
    directory: directory.file("out"),
  });
  expect(readRows(data, "train").slice(0, 3)).toEqual([
    [0, 0, 0],
    [1, 19, 31],
    [0, 38, 12],
  ]);
});

it("unpacks Zstandard where Node does, and says what does otherwise", async () => {
  using directory = temporary();
  await duckdb(`COPY (${query}) TO '${directory.file("a.parquet")}' (FORMAT parquet, COMPRESSION zstd)`);
  const found = importParquet({
    files: { train: directory.file("a.parquet") },
    columns,
    directory: directory.file("out"),
  });
  if ("zstdDecompressSync" in zlib) expect(readRows(await found, "train")).toHaveLength(5000);
  else await expect(found).rejects.toThrow("Zstandard needs Node 22.15, or 'fae schema' and DuckDB");
});

it("names the row of the file", async () => {
  using directory = temporary();
  await duckdb(
    `COPY (SELECT 0 AS click, 1 AS count, CASE WHEN i = 4321 THEN 2147483648 ELSE 1 END AS item FROM range(5000) r(i)) TO '${directory.file("b.parquet")}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
  );
  const imported = importParquet({
    files: { train: directory.file("b.parquet") },
    columns: { ...columns, tableRows: [9] },
    directory: directory.file("out"),
  });
  await expect(imported).rejects.toThrow(
    /Column 'item' of '.*b.parquet' holds 2147483648 in row 4321\. .*'fae schema'/,
  );
});

it("gives a set without dense columns one that is always 1", async () => {
  using directory = temporary();
  await duckdb(`COPY (${query}) TO '${directory.file("a.parquet")}' (FORMAT parquet)`);
  const data = await importParquet({
    files: { train: directory.file("a.parquet") },
    columns: { ...columns, dense: [] },
    directory: directory.file("out"),
  });
  expect(data.layout).toMatchObject({ denseFeatures: 1, denseEncoding: "float32" });
  const one = new Int32Array(Float32Array.of(1).buffer)[0];
  expect(readRows(data, "train").slice(0, 2)).toEqual([
    [0, one, 0],
    [1, one, 31],
  ]);
});

it("LZ4 that is broken is an error, never other bytes", () => {
  const block = Uint8Array.of(0x14, 97, 1, 0, 0x50, 98, 99, 100, 101, 102); // a, eight times more, then bcdef
  expect(Buffer.from(unpackLz4(block, 14)).toString()).toBe("aaaaaaaaabcdef");
  for (let cut = 0; cut < block.length; cut++) expect(() => unpackLz4(block.subarray(0, cut), 14)).toThrow("broken");
  expect(() => unpackLz4(Uint8Array.of(0x14, 97, 2, 0, 0x50, 98, 99, 100, 101, 102), 14)).toThrow("broken");
  expect(() => unpackLz4(block, 13)).toThrow("broken");
});
