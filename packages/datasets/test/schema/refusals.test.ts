import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { defineLog, prepareSchema } from "../../src/index.js";
import { temporary } from "../support/logs.js";
import { duckdb, type Rest, refusal, rowsOf, small } from "./support.js";

const lines = (...rows: string[]): string => `${rows.join("\n")}\n`;
const head = "label,item,n";
const withNumber: Rest = { ...small, dense: ["n"] };

describe("a row that cannot be one", () => {
  it.each<[string, Rest, string, string]>([
    [
      "an id that is not a number where numbers were promised",
      { ...small, tables: [{ column: "item", type: "integer" }] },
      "0,x1,1",
      "line 2 (byte 13): not-an-integer, 'item' is 'x1', expected an integer",
    ],
    ["a label of -1", small, "-1,a,1", "line 2 (byte 13): bad-label, 'label' is '-1', expected 0 or 1"],
    ["a label of 0.5", small, "0.5,a,1", "bad-label, 'label' is '0.5'"],
    ["no label", small, ",a,1", "missing-value, 'label' is ''"],
    ["NaN", withNumber, "0,a,NaN", "not-finite, 'n' is 'NaN', expected a finite number"],
    ["an infinite number", withNumber, "0,a,-inf", "not-finite, 'n' is '-inf'"],
    ["a number beyond float32", withNumber, "0,a,1e39", "not-finite, 'n' is '1e39'"],
    ["a word for a number", withNumber, "0,a,much", "not-a-number, 'n' is 'much', expected a number"],
    [
      "no number",
      withNumber,
      "0,a,",
      "missing-value, 'n' is '', expected a value (fill stands in for a missing number)",
    ],
    [
      "a part of an integer",
      { ...small, dense: [{ column: "n", type: "integer" }] },
      "0,a,1.5",
      "not-an-integer, 'n' is '1.5'",
    ],
    [
      "a negative count",
      { ...small, dense: [{ column: "n", transform: "log1p" }] },
      "0,a,-1",
      "negative-count, 'n' is '-1', expected 0 or more for log1p (min: 0 raises what is below)",
    ],
    [
      "a count beyond 32 bits",
      { ...small, dense: [{ column: "n", type: "integer", transform: "log1p" }] },
      "0,a,2147483648",
      "integer-out-of-range, 'n'",
    ],
    [
      "a list that is too long",
      { ...small, tables: [{ column: "item", list: { separator: "|", most: 2 } }] },
      "0,a|b|c,1",
      "list-too-long, 'item' is 'a|b|c', expected a list of at most 'most' values",
    ],
    [
      "a sequence of another length",
      { ...small, steps: 2, tables: [{ column: "item", sequence: { separator: "|" } }] },
      "0,a|b|c,1",
      "wrong-length, 'item' is 'a|b|c'",
    ],
    ["no time", { ...small, time: "n", split: { by: "time", test: 1 } }, "0,a,", "missing-value, 'n'"],
    [
      "an invalid time",
      { ...small, time: { column: "n", format: "YYYY-MM-DD" } },
      "0,a,2026-02-30",
      "bad-time, 'n' is '2026-02-30'",
    ],
    [
      "a value that no split names",
      { ...small, split: { by: "column", column: "n", train: [1] } },
      "0,a,2",
      "unknown-split, 'n' is '2'",
    ],
    ["too few fields", small, "0,a", "too-few-fields, 2 instead of 3"],
    ["too many fields", small, "0,a,1,2", "too-many-fields, 4 instead of 3"],
    ["text after a quote", small, '0,"a"b,1', "text-after-quote, 'item' is"],
    ["a quote that never closes", small, '0,"a,1', "line 2 (byte 13): unclosed-quote"],
    ["a NUL", small, "0,a\0,1", "nul-byte, NUL at byte 4 of the line"],
  ])("%s", async (_, schema, row, message) => {
    // One good row before, one after: only the line at fault is named.
    const text = lines(head, row, "1,2,1");
    const taken = { ...schema, tables: schema.tables };
    expect(await refusal(text, taken)).toContain(message);
  });

  it("is written down, and the rows around it are read", async () => {
    const text = lines(head, "0,a,1", '0,"b,2', "0,c,3", "", "5,d,4", '1,"e', 'f",5', "0,g,6");
    const { train, rejects, manifest } = await rowsOf(text, withNumber, 1);
    expect(train.map((row) => row[1])).toEqual([1, 3, 5, 6]);
    expect(rejects).toBe(
      [
        "file\tline\tbyte_offset\treason\tfield",
        "log.csv\t3\t19\ttext-after-quote\titem",
        "log.csv\t5\t32\tempty-line\t-",
        "log.csv\t6\t33\tbad-label\tlabel",
        "",
      ].join("\n"),
    );
    expect(manifest.lines).toMatchObject({
      rejected: 3,
      byReason: { "bad-label": 1, "empty-line": 1, "text-after-quote": 1 },
    });
  });

  it("adds no key", async () => {
    const { manifest } = await rowsOf(lines(head, "7,bad,1", "0,a,1"), small, 1);
    expect(manifest.tables[0].rows).toBe(1);
  });

  it("not in UTF-8", async () => {
    const { rejects } = await rowsOf(Buffer.from(lines(head, "0,a,1", "0,K\u00f6ln,2"), "latin1"), small, 1);
    expect(rejects).toContain("log.csv\t3\t19\tnot-utf8\t-");
  });

  it("in a Parquet file is named by its row in the file", async () => {
    using directory = temporary();
    const path = directory.file("log.parquet");
    await duckdb(
      `COPY (SELECT (CASE WHEN i = 4321 THEN 7 ELSE 1 END) AS label, i AS item FROM range(5000) r(i)) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
    );
    const log = defineLog({ ...small, files: path, format: "parquet" });
    await expect(prepareSchema({ log, directory: directory.file("out"), maxRejects: 0 })).rejects.toThrow(
      "log.parquet' row 4322: bad-label, 'label' is '7'",
    );
    expect(readdirSync(directory.path)).toEqual(["log.parquet"]);
  });

  it("in a Parquet file may hold characters that no text should have", async () => {
    using directory = temporary();
    const path = directory.file("log.parquet");
    await duckdb(
      `CREATE TABLE log AS SELECT i, 1 AS label, 'a' AS item, ['x', 'y'] AS tags FROM range(5) r(i)`,
      "UPDATE log SET item = 'a' || chr(30) || 'b' WHERE i = 1",
      "UPDATE log SET item = 'a' || chr(0) || 'b' WHERE i = 2",
      "UPDATE log SET tags = ['x' || chr(31), 'y'] WHERE i = 3",
      `COPY (SELECT * EXCLUDE (i) FROM log ORDER BY i) TO '${path}' (FORMAT parquet)`,
    );
    const tables = ["item", { column: "tags", list: { most: 2 } }];
    const log = defineLog({ ...small, tables, files: path, format: "parquet" });
    await prepareSchema({ log, directory: directory.file("out"), maxRejects: 1 });
    expect(readFileSync(directory.file("out", "rejects.tsv"), "utf8").trim().split("\n").slice(1)).toEqual([
      "log.parquet\t2\t-\tcontrol-character\t-",
      "log.parquet\t3\t-\tnul-byte\t-",
      "log.parquet\t4\t-\tcontrol-character\ttags",
    ]);
  });

  it("in JSON lines is named by its line", async () => {
    const text = lines(
      '{"label": 1, "item": "a\\u00e9\\ud83d\\ude00\\"", "extra": {"x": [1, "]"]}}',
      '{"label": 1, "item": [1]}',
      '{"label": 1, "item": {"x": 1}}',
      '{"label": 1 "item": "a"}',
      '{"item": 18446744073709551615, "label": 0}',
      "[]",
      '{"label": 0, "item": null}',
      '{"label": 0}',
    );
    const { train, rejects, manifest } = await rowsOf(text, { ...small, format: "jsonl" }, 1);
    expect(train).toHaveLength(4);
    expect(manifest.tables[0].rows).toBe(3);
    expect(rejects.trim().split("\n").slice(1)).toEqual([
      "log.csv\t2\t72\tnot-one-value\titem",
      "log.csv\t3\t98\tnested-value\titem",
      "log.csv\t4\t129\tnot-json\t-",
      "log.csv\t6\t197\tnot-json\t-",
    ]);
  });
});

describe("a file that cannot be one", () => {
  const prepared = async (
    names: readonly string[],
    write: (at: (name: string) => string) => Promise<void> | void,
    more: Partial<Rest> = {},
  ) => {
    using directory = temporary();
    mkdirSync(directory.file("in"));
    await write((name) => directory.file("in", name));
    const files = names.map((name) => directory.file("in", name));
    const log = defineLog({ ...small, files, format: "csv", ...more });
    const message = await prepareSchema({ log, directory: directory.file("out"), maxRejects: 0 }).then(
      () => "prepared",
      (error: Error) => error.message,
    );
    expect(readdirSync(directory.path)).toEqual(message === "prepared" ? ["in", "out"] : ["in"]);
    return message.replaceAll(`${directory.path}/`, "");
  };

  it("lacks a column, as when it was renamed in a later file", async () => {
    const write = (at: (name: string) => string) => {
      writeFileSync(at("a.csv"), lines("label,item", "0,a"));
      writeFileSync(at("b.csv"), lines("label,product", "0,a"));
    };
    expect(await prepared(["a.csv", "b.csv"], write)).toBe(
      "'in/b.csv' has no column 'item' (schema tables[0].column). It has label, product: columns go by name, in any order.",
    );
  });
  it("lacks a column in every line of JSON", async () => {
    const write = (at: (name: string) => string) => writeFileSync(at("a.jsonl"), '{"label": 0, "product": 1}\n');
    expect(await prepared(["a.jsonl"], write, { format: "jsonl" })).toContain(
      "has no column 'item' (schema tables[0].column)",
    );
  });
  it("has a column twice", async () => {
    expect(await prepared(["a.csv"], (at) => writeFileSync(at("a.csv"), lines("label,item,item", "0,a,b")))).toContain(
      "has two columns 'item'",
    );
  });
  it("has no header", async () => {
    expect(await prepared(["a.csv"], (at) => writeFileSync(at("a.csv"), lines("0,a")))).toContain(
      "has no column 'label'",
    );
  });
  it("is a Parquet file cut short", async () => {
    const message = await prepared(
      ["a.parquet"],
      async (at) => {
        await duckdb(`COPY (SELECT 0 AS label, i AS item FROM range(10000) r(i)) TO '${at("b.parquet")}'`);
        writeFileSync(at("a.parquet"), readFileSync(at("b.parquet")).subarray(0, 20_000));
      },
      { format: "parquet" },
    );
    expect(message).toMatch(
      /^'in\/a.parquet' is not a readable Parquet file \(.*\)\. It was cut short or is of another kind/,
    );
  });
  it("is a gzip file cut short", async () => {
    const text = lines("label,item", ...Array.from({ length: 5000 }, (_, i) => `0,${i * 7919}`));
    expect(await prepared(["a.csv"], (at) => writeFileSync(at("a.csv"), gzipSync(text).subarray(0, 9000)))).toMatch(
      /^'in\/a.csv' cannot be read to its end: unexpected end of file/,
    );
  });
  it("has a nested column, or a list where one value was promised", async () => {
    const parquet = (sql: string) => async (at: (name: string) => string) =>
      duckdb(`COPY (SELECT 0 AS label, ${sql} AS item) TO '${at("a.parquet")}'`);
    const more = { format: "parquet" } as const;
    expect(await prepared(["a.parquet"], parquet("{'x': 1}"), more)).toContain(
      "Column 'item' of 'in/a.parquet' is STRUCT(x INTEGER), expected one value",
    );
    expect(await prepared(["a.parquet"], parquet("[1, 2]"), more)).toContain("is INTEGER[], expected one value");
    expect(
      await prepared(["a.parquet"], parquet("[[1]]"), { ...more, tables: [{ column: "item", list: { most: 2 } }] }),
    ).toContain("is INTEGER[][], expected a list of values");
  });
  it("has keys that are integers in one file and have decimals in the next", async () => {
    const write = async (at: (name: string) => string) =>
      duckdb(
        `COPY (SELECT 0 AS label, 7::BIGINT AS item) TO '${at("a.parquet")}'`,
        `COPY (SELECT 1 AS label, 7::DOUBLE AS item) TO '${at("b.parquet")}'`,
      );
    const more = { format: "parquet" } as const;
    expect(await prepared(["a.parquet", "b.parquet"], write, more)).toBe(
      "Column 'item' of 'in/b.parquet' is DOUBLE, and BIGINT in the files before (schema tables[0].column). " +
        "Give it type: integer, so that 7 and 7.0 are one key, or write the files alike.",
    );
    const tables = [{ column: "item", type: "integer" as const }];
    expect(await prepared(["a.parquet", "b.parquet"], write, { ...more, tables })).toBe("prepared");
  });
  it("holds enumerations and texts without an encoding, which are texts", async () => {
    const write = async (at: (name: string) => string) =>
      duckdb(
        "CREATE TYPE e AS ENUM ('x', 'y')",
        `COPY (SELECT 0 AS label, 'y'::e AS item, 'z'::BLOB AS raw) TO '${at("a.parquet")}'`,
      );
    expect(await prepared(["a.parquet"], write, { format: "parquet", tables: ["item", "raw"] })).toBe("prepared");
  });
  it("is not there, is empty, has no rows, is a directory, is named twice", async () => {
    expect(await prepared(["*.csv"], () => {})).toContain("No file matches 'in/*.csv' (schema files)");
    expect(await prepared(["a.csv"], () => {})).toContain("'in/a.csv' does not exist");
    expect(await prepared(["a.csv"], (at) => writeFileSync(at("a.csv"), ""))).toContain("'in/a.csv' is empty");
    expect(await prepared(["a.csv"], (at) => writeFileSync(at("a.csv"), "label,item\n"))).toContain("no");
    expect(await prepared([""], () => {})).toContain("is not a regular file");
    expect(
      await prepared(["a.csv", "a.csv"], (at) => writeFileSync(at("a.csv"), lines("label,item", "0,a"))),
    ).toContain("named twice");
  });
  it("is of another form altogether: it ends soon", async () => {
    const text = `label,item\n${"x,1\n".repeat(300_000)}`;
    const message = await prepared(["a.csv"], (at) => writeFileSync(at("a.csv"), text));
    expect(Number(/of (\d+) lines are malformed/.exec(message)?.[1])).toBeLessThan(300_000);
  });
  it("gives no input to train on", async () => {
    expect(
      await refusal(lines("label,item,at", "0,a,5"), { ...small, time: "at", split: { by: "time", test_from: 1 } }),
    ).toContain("none of them is one to train on");
    expect(await refusal(lines("label,item", "0,a"), { ...small, split: { by: "share", test: 3 } })).toContain(
      "The log has 1 inputs, val and test take 3 (schema split)",
    );
  });
});

describe("a schema that cannot be one", () => {
  const message = (schema: object): string => {
    try {
      defineLog({ files: "a.csv", format: "csv", ...small, ...schema } as never);
    } catch (error) {
      return (error as Error).message;
    }
    return "taken";
  };
  it.each<[object, string]>([
    [{ split: undefined }, "schema split: expected by: time, share, file, column or none"],
    [{ tables: [] }, "schema tables: expected at least one table"],
    [{ lable: "x" }, "schema lable: "],
    [{ tables: [{ column: "a", shares: "b" }] }, "schema tables[0].shares: not yet"],
    [
      { tables: [{ column: "a", list: { separator: "|", most: 2, pool: "mean" } }] },
      "schema tables[0].list.pool: 'mean' not yet",
    ],
    [
      { tables: [{ column: "a", list: { separator: "|", most: 2, weights: "w" } }] },
      "schema tables[0].list.weights: not yet",
    ],
    [{ tables: [{ column: "a", list: { most: 2 } }] }, "schema tables[0].list: csv has no lists: give separator"],
    [{ tables: [{ column: "a", ids: "hash" }] }, "schema tables[0]: ids: hash needs rows"],
    [{ tables: ["a", "a"] }, "schema tables[1]: 'a' occurs twice"],
    [{ tables: [{ column: "a", buckets: [2, 1] }] }, "schema tables[0].buckets: expected ascending bounds"],
    [{ label: ["a", "b"] }, "schema label: not yet: several labels"],
    [{ split: { by: "time", test: 0.1 } }, "schema split.by: give time"],
    [{ dense: [{ extract: "hour" }] }, "schema dense[0].extract: give time"],
    [{ dense: [{ column: "a", sequence: { separator: " " } }] }, "schema dense[0].sequence: give steps"],
    [{ steps: 3 }, "schema steps: no column is a sequence"],
    [{ format: "parquet", separator: ";" }, "schema separator: parquet files have none"],
    [{ time: { column: "a", format: "unix-d" } }, "schema time.format: 'unix-d' is not a time format"],
    [{ split: { by: "share", test: 1.5 } }, "schema split.test: expected a share below 1 or a number of inputs"],
  ])("%o", (schema, expected) => expect(message(schema)).toContain(expected));
});
