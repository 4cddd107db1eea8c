import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "@fae/core";
import { defineLog, importParquet, openVocabulary, prepareSchema } from "@fae/datasets";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { captureIo } from "../cli/test-io.js";
import { main } from "../cli.js";

let root = "";
const at = (...parts: string[]): string => join(root, ...parts);
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-schema-"));
  writeFileSync(at("clicks.csv"), clicks(1500, 1));
  writeFileSync(at("more.csv"), clicks(100, 2));
});
afterAll(() => rmSync(root, { recursive: true }));

/** A log whose clicks follow the item. */
function clicks(rows: number, seed: number): string {
  const random = new Random(seed);
  const lines = Array.from({ length: rows }, (_, i) => {
    const item = random.below(30);
    const label = random.next() < (item % 2 === 1 ? 0.9 : 0.1) ? 1 : 0;
    const tags = Array.from({ length: random.below(4) }, () => `t${random.below(9)}`).join("|");
    const age = random.below(6) === 0 ? "" : 18 + random.below(50);
    const price = (random.next() * 300).toFixed(2);
    const user = random.below(5) === 0 ? "" : `u${random.below(40)}`;
    return [age, price, user, `sku-${item}`, tags, label, 1764547200 + i * 61].join(",");
  });
  return `age,price,user_id,item_id,tags,label,timestamp\n${lines.join("\n")}\n`;
}

async function fae(...args: string[]) {
  const io = captureIo();
  const code = await main(args, io);
  return { code, out: io.out(), err: io.err() };
}
async function json(...args: string[]) {
  const { code, out, err } = await fae(...args, "--json");
  expect(err).not.toContain("error:");
  expect(code).toBe(0);
  return JSON.parse(out);
}
const model = ["--model", "dlrm", "--width", "4", "--bottom-mlp", "8,4", "--top-mlp", "8,1"];

describe("your own log", () => {
  it("is proposed a schema that prepares it as it stands", async () => {
    const { code, out, err } = await fae("schema", at("clicks.csv"));
    expect(err).toBe("");
    expect(code).toBe(0);
    expect(out.replaceAll(root, "DIR")).toMatchInlineSnapshot(`
      "# Proposed from the first 1500 rows. Check it, then: fae prepare <this file> --out data
      files: "DIR/clicks.csv"
      format: csv
      label: { column: label } # its name, and its values are 0 and 1
      time: { column: timestamp, format: unix-s } # times in the form of 1764547200
      group: user_id # inputs of one user, written next to the rows
      dense:
        - { column: age, fill: 42, transform: z-score } # 18 to 67, middle 42, 265 of 1500 missing
        - { column: price, transform: z-score } # 0.88 to 299.91, middle 149.24
        - { extract: hour } # hour of the day, in UTC
      tables:
        - { column: user_id } # 40 values, 318 of 1500 missing
        - { column: item_id } # 30 values
        - { column: tags, list: { separator: "|", most: 3, longer: last } } # lists of up to 3, 374 of 1500 missing
      split: { by: time, val: 0.1, test: 0.1 } # the latest tenth is tested on, the one before it validates
      "
    `);
    writeFileSync(at("clicks.yaml"), out);
    const prepared = await json("prepare", at("clicks.yaml"), "--out", at("data"));
    expect(prepared.manifest).toMatchObject({
      source: "schema",
      splits: { train: { rows: 1200 }, test: { rows: 150 } },
    });
  });

  it("trains, and new lines of it are scored as the data set's are", async () => {
    const run = at("run");
    const trained = await json(
      "train",
      at("data"),
      ...model,
      "--engine",
      "reference",
      "--batch",
      "50",
      "--lr",
      "0.5",
      "--epochs",
      "3",
      "--run",
      run,
    );
    expect(trained.metrics.test.auc).toBeGreaterThan(0.8);
    const evaluated = await json("evaluate", run, at("data"), "--engine", "reference");
    expect(evaluated.metrics.auc).toBe(trained.metrics.test.auc);
    // The last lines of the log are the test split: the log scores as they do.
    await json("predict", run, at("data"), "--split", "test", "--out", at("split.tsv"));
    const log = await json("predict", run, at("clicks.csv"), "--out", at("log.tsv"));
    expect(log).toMatchObject({ inputs: 1500, unknownKeys: {}, rejected: { lines: 0 } });
    const scores = (name: string) =>
      readFileSync(at(name), "utf8")
        .trim()
        .split("\n")
        .map((line) => line.split("\t"));
    expect(
      scores("log.tsv")
        .slice(-150)
        .map(([, score]) => score),
    ).toEqual(scores("split.tsv").map(([, score]) => score));
    expect(scores("log.tsv")[0][0]).toBe("2"); // lines of the file: the first is the header
    await json("export", run, "--format", "onnx", "--out", at("model.onnx"));
    expect(statSync(at("model.onnx")).size).toBeGreaterThan(1000);
    const keys = readFileSync(at("model.onnx.keys.tsv"), "utf8").split("\n");
    const sku = await openVocabulary(at("data"), "item_id");
    expect(keys).toContain(`item_id\t"sku-7"\t${sku.idOf("sku-7")}`);
    const description = JSON.parse(readFileSync(at("model.onnx.json"), "utf8"));
    expect(description).toMatchObject({ source: "schema", dense: { columns: null } });
    expect(description.ids.tables[0]).toMatchObject({
      table: "user_id",
      rule: "vocabulary",
      keys: "text",
      missing: (await openVocabulary(at("data"), "user_id")).idOf(""),
    });
  });

  it("is scored without its label, with new columns and keys, from a packed data set", async () => {
    const [head, ...lines] = readFileSync(at("more.csv"), "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(","));
    const bare = [head, ...lines].map((fields, i) => [
      i === 0 ? "extra" : "x",
      fields[4],
      fields[3],
      i === 5 ? "new" : fields[2],
      fields[1],
      fields[0],
      fields[6],
    ]);
    bare[0][3] = "user_id";
    writeFileSync(at("bare.tsv"), bare.map((fields) => fields.join("\t")).join("\n"));
    await json("profile", at("data"), "--model", "dlrm", "--width", "4", "--budget", "64KiB");
    await json("pack", at("data"), "--out", at("packed"));
    writeFileSync(at("tsv.yaml"), readFileSync(at("clicks.yaml"), "utf8").replace("format: csv", "format: tsv"));
    const args = ["predict", at("run"), at("bare.tsv"), "--schema", at("tsv.yaml")];
    const packed = await json(...args, "--data", at("packed"), "--out", at("packed.tsv"));
    expect(packed).toMatchObject({ inputs: 100, unknownKeys: { user_id: 1 } });
    await json(...args, "--out", at("plain.tsv"));
    expect(readFileSync(at("packed.tsv"), "utf8")).toBe(readFileSync(at("plain.tsv"), "utf8"));
    const [plain, moved] = [await openVocabulary(at("data"), "item_id"), await openVocabulary(at("packed"), "item_id")];
    const texts = (of: typeof plain) => Array.from({ length: 30 }, (_, id) => of.textOf(id)).sort();
    expect(texts(moved)).toEqual(texts(plain));
  });
});

it("data without a dense column train: a schema's, and imported Parquet", async () => {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  await connection.run(
    `COPY (SELECT (i % 3 = 0)::INTEGER AS click, i % 3 AS item FROM range(500) r(i)) TO '${at("a.parquet")}' (FORMAT parquet)`,
  );
  connection.closeSync();
  const schema = {
    files: at("a.parquet"),
    format: "parquet",
    label: "click",
    tables: ["item"],
    split: { by: "share", test: 100 },
  } as const;
  await prepareSchema({ log: defineLog(schema), directory: at("own") });
  const columns = { label: "click", dense: [], tables: ["item"] };
  await importParquet({ files: { train: at("a.parquet"), test: at("a.parquet") }, columns, directory: at("imported") });
  for (const name of ["own", "imported"]) {
    const args = [...model, "--engine", "reference", "--batch", "20", "--lr", "0.5", "--epochs", "10"];
    expect((await json("train", at(name), ...args, "--run", at(`${name}-run`))).metrics.test.auc).toBe(1);
  }
});

describe("a schema is proposed, and prepares the log as it stands, for", () => {
  it.each([
    [
      "JSON lines with lists",
      "log.jsonl",
      "(FORMAT json)",
      /^format: jsonl$.*column: tags, list: \{ most: 3, longer: last \}/ms,
    ],
    [
      "Parquet with lists",
      "log.parquet",
      "(FORMAT parquet)",
      /^format: parquet$.*format: iso.*column: tags, list: \{ most: 3/ms,
    ],
    [
      "TSV without a header, packed",
      "log.tsv.gz",
      "(HEADER false, DELIMITER '\t', COMPRESSION gzip)",
      /^format: tsv$.*^names: \[c1, c2, c3, c4, c5, c6\]$.*label: \{ column: c1 \} # the first column of two values/ms,
    ],
    ["semicolons", "log.csv", "(HEADER, DELIMITER ';')", /^separator: ";"$/m],
  ])("%s", async (_, name, options, expected) => {
    const { DuckDBInstance } = await import("@duckdb/node-api");
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    const tags =
      name.endsWith("sv") || name.endsWith("gz")
        ? "'t' || i % 5 || '|t' || i % 3"
        : "['t' || i % 5, 't' || i % 3, 'x']";
    await connection.run(
      `COPY (SELECT i % 2 AS click, 9007199254740993 + i % 9 AS user_id, i * 1.5 AS price, ${tags} AS tags, 'c' || i % 4 AS city,
        TIMESTAMP '2026-01-01' + INTERVAL (i) MINUTE AS at FROM range(300) r(i)) TO '${at(name)}' ${options}`,
    );
    connection.closeSync();
    const { code, out } = await fae("schema", at(name));
    expect(code).toBe(0);
    expect(out).toMatch(expected);
    writeFileSync(at(`${name}.yaml`), out);
    const { manifest } = await json("prepare", at(`${name}.yaml`), "--out", at(`${name}.data`));
    expect(manifest).toMatchObject({
      lines: { rejected: 0 },
      splits: { train: { rows: 240 }, val: { rows: 30 }, test: { rows: 30 } },
    });
  });

  it("a log without a label: it says so, and prepare names the line", async () => {
    writeFileSync(at("none.csv"), "item,price\na,1.5\nb,2.25\na,7.125\n");
    const { out } = await fae("schema", at("none.csv"));
    expect(out).toContain("# No column of 0 and 1 was seen.");
    writeFileSync(at("none.yaml"), out);
    expect((await fae("prepare", at("none.yaml"), "--out", at("never"))).err).toMatch(
      /no column 'NAME-THE-LABEL' \(.*none.yaml line 5: label.column\)/,
    );
  });
});

describe("errors name the file, the line and the place", () => {
  const message = async (yaml: string, ...args: string[]) => {
    writeFileSync(at("bad.yaml"), yaml);
    const { code, err } = await fae("prepare", at("bad.yaml"), "--out", at("never"), ...args);
    expect(code).toBe(1);
    expect(readdirSync(root).filter((name) => name.startsWith("never"))).toEqual([]);
    return err.replaceAll(root, "DIR").trim();
  };
  const good =
    "files: clicks.csv\nformat: csv\nlabel: label\ntables:\n  - item_id\n  - column: user_id\nsplit: { by: none }\n";
  it.each([
    ["an unknown word", good.replace("format", "fromat"), "DIR/bad.yaml line 2: fromat: "],
    ["an invalid value", good.replace("csv\nlabel", "xls\nlabel"), "DIR/bad.yaml line 2: format: "],
    [
      "a column's option",
      good.replace("user_id", "user_id\n    ids: hash"),
      "DIR/bad.yaml line 6: tables[1]: ids: hash needs rows",
    ],
    ["a part that is missing", good.replace(/split.*\n/, ""), "DIR/bad.yaml line 1: split: expected by: time, share"],
    [
      "a column that no file has",
      good.replace("- item_id", "- sku"),
      "'DIR/clicks.csv' has no column 'sku' (DIR/bad.yaml line 5: tables[0].column)",
    ],
    ["no YAML", "files: [", "DIR/bad.yaml line 1 is not YAML: "],
    ["no schema", "- a\n", "DIR/bad.yaml holds no schema"],
    [
      "no file",
      good.replace("clicks.csv", "click?.parquet"),
      "No file matches 'click?.parquet' (DIR/bad.yaml line 1: files)",
    ],
  ])("%s", async (_, yaml, expected) => expect(await message(yaml)).toContain(expected));

  it("an option of the known logs", async () => {
    expect(await message(good, "--days", "3")).toContain(
      "Option --days is for the known logs: DIR/bad.yaml is a schema.",
    );
  });
  it("another schema than the data set's", async () => {
    writeFileSync(
      at("other.yaml"),
      readFileSync(at("clicks.yaml"), "utf8").replace("transform: z-score", "transform: none"),
    );
    const { code, err } = await fae("predict", at("run"), at("more.csv"), "--schema", at("other.yaml"));
    expect(code).toBe(1);
    expect(err).toMatch(/other.yaml line \d+: dense\[0\] is not what the data set was prepared with/);
  });
  it("a data set that is gone", async () => {
    renameSync(at("data"), at("moved"));
    const gone = await fae("predict", at("run"), at("more.csv"));
    const named = await fae("predict", at("run"), at("more.csv"), "--data", at("moved"));
    const exported = await fae("export", at("run"), "--format", "safetensors", "--out", at("gone.safetensors"));
    renameSync(at("moved"), at("data"));
    expect(gone.code).toBe(1);
    expect(gone.err).toContain("data' is gone: it has the schema and the keys");
    expect(gone.err).toContain("--data");
    expect(named.code).toBe(0);
    expect(exported.code).toBe(0);
    expect(JSON.parse(readFileSync(at("gone.safetensors.json"), "utf8")).ids.vocabulary).toBeNull();
  });
  it("a data set without a schema", async () => {
    expect((await fae("predict", at("run"), at("more.csv"), "--format", "avazu")).err).toContain(
      "The model was trained on schema",
    );
  });
});
