import { proposeSchema } from "@fae/datasets";
import { defineCommand, option } from "../cli/command.js";
import { count } from "../cli/values.js";

export const schemaCommand = defineCommand({
  name: "schema",
  summary: "Proposes a schema for a log of your own: which column is the label, a number, a key.",
  operands: ["<file...>"],
  options: {
    rows: option("--rows <n>", "rows to look at, from the beginning of the first file", count(1).default(10_000)),
  },
  example: "fae schema my.csv > clicks.yaml && fae prepare clicks.yaml --out data",
  notes: `Files are CSV, TSV, JSON lines or Parquet, plain, gzip or Zstandard; globs in quotes. Parquet needs DuckDB:
npm install @duckdb/node-api. What is proposed is YAML with the reason next to each line; a whole one:

  files: clicks/*.csv                  # from the directory of this file; or { train: ..., val: ..., test: ... }
  format: csv                          # csv, tsv, jsonl, parquet; separator, quote, names, missing: ["NA"]
  label: click                         # 0 or 1; or { column: rating, at_least: 4 }, { column: action, positive: [buy] }
  time: { column: ts, format: unix-s } # unix-ms, unix-us, iso, or a pattern: YYYY-MM-DD HH:mm:ss
  group: user_id                       # written next to the rows
  dense:
    - { column: age, fill: 30, transform: z-score }    # or log1p, none; min, max, type: integer
    - { extract: hour }                                # or weekday, of the time
  tables:
    - user_id
    - { column: item_id, type: integer, min_count: 5 } # rarer keys share a row
    - { column: url, ids: hash, rows: 1000000, seed: 1 }
    - { column: tags, list: { separator: "|", most: 8, longer: last } }
    - { column: age, name: age_group, buckets: [18, 25, 35, 50] }
  split: { by: time, val: 0.1, test: 0.1 }             # or share, file, column, none`,
  async run(files, { rows }) {
    const schema = await proposeSchema(files, { rows });
    return { json: { schema }, text: schema.trimEnd() };
  },
});
