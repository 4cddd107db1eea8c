import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  defineLog,
  type LogSchemaInput,
  openVocabulary,
  prepare,
  prepareSchema,
  type RawFormatName,
  rawFormats,
} from "../src/index.js";
import { shared, temporary } from "./support/logs.js";

if (!shared) console.log("skipped: public logs as schemas need FAE_SHARED, the directory that holds data/");

const data = (...names: string[]) => join(shared ?? "", "data", ...names);
const parts = (log: string, ending: string) =>
  ["train", "dev", "test"].map((part) => data(log, `wideresdnn_${part}.${ending}.gz`));

const namesOf = (format: RawFormatName) => rawFormats[format].line.fields.map(({ name }) => name);
const tablesOf = (format: RawFormatName) => rawFormats[format].tables.map(({ name }) => name);
const criteo: Omit<LogSchemaInput, "files"> = {
  format: "tsv",
  names: namesOf("criteo-kaggle"),
  label: "label",
  dense: Array.from({ length: 13 }, (_, i) => ({
    column: `I${i + 1}`,
    type: "integer",
    transform: "log1p",
    fill: 0,
    min: 0,
  })),
  tables: tablesOf("criteo-kaggle"),
  // Half of the seventh day each.
  split: { by: "share", test: 571, val: 571, order: "test-val" },
};
const avazu: Omit<LogSchemaInput, "files"> = {
  format: "csv",
  names: namesOf("avazu"),
  label: "click",
  time: { column: "hour", format: "YYMMDDHH" },
  dense: [{ extract: "hour", type: "integer", transform: "log1p" }],
  tables: tablesOf("avazu").map((column) => ({
    column,
    type: rawFormats.avazu.tables.find(({ name }) => name === column)?.keys === "hex" ? "string" : "integer",
  })),
  // What is left of 8,999 inputs after four fifths, half each.
  split: { by: "share", test: 900, val: 900, order: "test-val" },
};

describe.skipIf(!shared)("a public log, written as a schema,", () => {
  it.each([
    ["criteo-kaggle", criteo, parts("criteo_kaggle", "tsv")],
    [
      "criteo-terabyte",
      { ...criteo, split: { by: "share", test: 714, val: 714, order: "test-val" } },
      [data("criteo_terabyte", "day_0.part.txt.gz")],
    ],
    ["avazu", avazu, parts("avazu", "csv")],
  ] as const)("gives the rows of its dedicated scanner to the byte: %s", async (format, schema, files) => {
    using directory = temporary();
    const own = await prepare({ format, files, directory: directory.file("own") });
    const log = defineLog({ ...schema, files: [...files] } as LogSchemaInput);
    const found = await prepareSchema({ log, directory: directory.file("schema"), maxRejects: 0 });
    expect(found.layout).toEqual(own.layout);
    expect(found.tables).toEqual(own.tables);
    expect(found.labelRate).toBe(own.labelRate);
    for (const split of ["train", "val", "test"] as const) {
      expect(found.splits[split]?.rows).toBe(own.splits[split]?.rows);
      const [a, b] = [own, found].map((of) => readFileSync(of.splits[split]?.path ?? ""));
      expect(Buffer.compare(a, b)).toBe(0);
    }
    // The vocabularies say the same in another form: texts as they stand in the log, not 32-bit keys.
    for (const { name, rows } of own.tables) {
      const [keys, texts] = [await openVocabulary(own.directory, name), await openVocabulary(found.directory, name)];
      for (let id = 0; id < Math.min(rows, 300); id++) {
        const text = texts.textOf(id);
        expect(text === "" ? "00000000" : text).toBe(keys.textOf(id));
      }
    }
  });

  it("rejects the lines that its scanner rejects", async () => {
    using directory = temporary();
    const files = [data("criteo_kaggle", "pytorchfm_train_head1000.txt.gz")];
    await prepare({ format: "criteo-kaggle", files, directory: directory.file("own"), maxRejects: 0.5 });
    const log = defineLog({ ...criteo, files, split: { by: "none" } });
    await prepareSchema({ log, directory: directory.file("schema"), maxRejects: 0.5 });
    const [a, b] = ["own", "schema"].map((name) => readFileSync(directory.file(name, "rejects.tsv"), "utf8"));
    expect(b).toBe(a);
  });
});
