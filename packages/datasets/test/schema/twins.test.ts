import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { defineLog, openVocabulary, prepareSchema, readManifest } from "../../src/index.js";
import { temporary } from "../support/logs.js";
import { contents, duckdb, type Rest } from "./support.js";

const rows = 5000;

/** Strings, 64-bit integers, UUIDs, lists, numbers, times and missing values of each. */
const query = `
  SELECT
    i % 3 = 0 AS label,
    CASE WHEN i % 7 = 0 THEN NULL ELSE 'u' || (i * 7919 % 97) || CASE WHEN i % 11 = 0 THEN ', "quoted"' ELSE '' END END AS name,
    CASE WHEN i % 5 = 0 THEN NULL ELSE 9007199254740993 + (i * 104729 % 49) END AS big,
    CASE WHEN i % 13 = 0 THEN NULL ELSE -9223372036854775807 + i % 3 END::BIGINT AS least,
    md5((i % 40)::VARCHAR)::UUID AS session,
    CASE WHEN i % 4 = 0 THEN NULL ELSE (i * 31 % 1000) / 7.0 END AS price,
    CASE WHEN i % 6 = 0 THEN NULL ELSE (i * 17 % 90)::TINYINT END AS age,
    CASE WHEN i % 9 = 0 THEN NULL WHEN i % 8 = 0 THEN [] ELSE [('t' || i % 5), NULL, ('ü' || i % 3)] END AS tags,
    TIMESTAMP '2026-01-01' + INTERVAL (i * 7 % 5003) MINUTE AS moment
  FROM range(${rows}) r(i)`;

const schema: Rest = {
  label: "label",
  time: { column: "moment", format: "iso" },
  group: "session",
  dense: [
    { column: "price", fill: 1, transform: "z-score" },
    { column: "age", fill: 0, transform: "log1p" },
    { extract: "hour" },
  ],
  tables: [
    "name",
    { column: "big", type: "integer" },
    { column: "least", type: "integer", min_count: 2 },
    { column: "session", min_count: 110 },
    { column: "name", name: "name_hash", ids: "hash", rows: 50, seed: 3 },
    { column: "age", name: "age_group", buckets: [10, 20, 40.5] },
    { extract: "weekday" },
  ],
  split: { by: "time", val: 0.1, test: 0.2 },
};
const tags = (separator?: string) => ({ column: "tags", list: { most: 3, ...(separator && { separator }) } });

describe("one log in every format", () => {
  const directory = temporary();
  const at = (...names: string[]) => directory.file(...names);
  const prepared = async (
    name: string,
    files: string[],
    format: "csv" | "tsv" | "jsonl" | "parquet",
    more: Partial<Rest> = {},
  ) => {
    const list = tags(format === "csv" || format === "tsv" ? "|" : undefined);
    const tables = [...schema.tables, list];
    const log = defineLog({ ...schema, tables, files: files.map((file) => at(file)), format, ...more });
    await prepareSchema({ log, directory: at(name), maxRejects: 0 });
    return contents(at(name));
  };
  let csv: Awaited<ReturnType<typeof contents>>;

  beforeAll(async () => {
    const text = `SELECT * REPLACE (array_to_string(list_transform(tags, lambda x: coalesce(x, '')), '|') AS tags) FROM log`;
    await duckdb(
      `CREATE TABLE log AS ${query}`,
      `COPY (${text}) TO '${at("log.csv")}' (HEADER, DELIMITER ',')`,
      `COPY (${text}) TO '${at("log.csv.zst")}' (HEADER, DELIMITER ',', COMPRESSION zstd)`,
      `COPY (SELECT tags, moment, age, price, session, least, big, name, label FROM (${text})) TO '${at("back.csv")}' (HEADER, DELIMITER ';')`,
      `COPY log TO '${at("log.jsonl")}' (FORMAT json)`,
      ...["zstd", "lz4_raw", "snappy", "gzip", "brotli", "uncompressed"].map(
        (codec) =>
          `COPY log TO '${at(`${codec}.parquet`)}' (FORMAT parquet, COMPRESSION ${codec}, ROW_GROUP_SIZE 2048)`,
      ),
      `COPY (SELECT * FROM log LIMIT 2500) TO '${at("part-2.parquet")}' (FORMAT parquet)`,
      `COPY (SELECT tags, label, name, big, least, session, price, age, moment, 1 AS more FROM log OFFSET 2500) TO '${at("part-10.parquet")}' (FORMAT parquet)`,
    );
    writeFileSync(at("log.csv.gz"), gzipSync(readFileSync(at("log.csv"))));
    csv = await prepared("csv", ["log.csv"], "csv");
  });

  it("is split by time, never through one moment", () => {
    expect(Object.values(csv.splits).map((split) => split?.rows)).toEqual([3500, 500, 1000]);
  });

  it("keeps 64-bit integers and texts whole", async () => {
    const big = await openVocabulary(at("csv"), "big");
    const texts = Array.from({ length: 50 }, (_, id) => big.textOf(id)).sort();
    expect(texts).toEqual(["", ...Array.from({ length: 49 }, (_, i) => `${9007199254740993n + BigInt(i)}`)].sort());
    const names = await openVocabulary(at("csv"), "name");
    expect(names.textOf(names.idOf('u3, "quoted"') ?? -1)).toBe('u3, "quoted"');
    expect(names.idOf("")).toBe(0); // the first row has no name
    const least = await openVocabulary(at("csv"), "least");
    expect(least.idOf("-9223372036854775807")).not.toBeNull();
  });

  it.each([
    ["gzip", ["log.csv.gz"], "csv", {}],
    ["Zstandard", ["log.csv.zst"], "csv", {}],
    ["columns in another order, another separator", ["back.csv"], "csv", { separator: ";" }],
    ["JSON lines", ["log.jsonl"], "jsonl", {}],
    ["Parquet, zstd", ["zstd.parquet"], "parquet", {}],
    ["Parquet, LZ4", ["lz4_raw.parquet"], "parquet", {}],
    ["Parquet, Snappy", ["snappy.parquet"], "parquet", {}],
    ["Parquet, gzip", ["gzip.parquet"], "parquet", {}],
    ["Parquet, Brotli", ["brotli.parquet"], "parquet", {}],
    ["Parquet, plain", ["uncompressed.parquet"], "parquet", {}],
    ["a glob of Parquet files, one with another order and one column more", ["part-*.parquet"], "parquet", {}],
  ] as const)("gives the same bytes: %s", async (name, files, format, more) => {
    expect(await prepared(name.replace(/\W+/g, "-"), [...files], format, more)).toEqual(csv);
  });

  it("gives the same bytes on every call, and the schema is in the manifest", async () => {
    await prepared("again", ["log.csv"], "csv");
    const [a, b] = await Promise.all([readManifest(at("csv")), readManifest(at("again"))]);
    expect(b).toEqual(a);
    expect(a).toMatchObject({ source: "schema", schema: { definition: { format: "csv", group: "session" } } });
    expect(a.schema?.definition.files).toBeUndefined();
    expect(a.schema?.groups?.rows).toBe(40);
  });
});
