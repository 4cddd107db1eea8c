import type { z } from "zod";
import type { DenseColumn, LogSchema, SchemaPath, TableColumn } from "./schema-shape.js";
import { isTimeFormat } from "./time.js";

/** What must hold between the parts of a schema. Adds an issue for the first place that does not. */
export function checkSchema(schema: LogSchema, context: z.RefinementCtx): void {
  const wrong = (path: SchemaPath, message: string) => context.addIssue({ code: "custom", path: [...path], message });
  const isText = schema.format === "csv" || schema.format === "tsv";
  for (const option of ["separator", "quote", "names"] as const) {
    if (!isText && schema[option] !== undefined) wrong([option], `${schema.format} files have none: remove it`);
  }
  if (schema.quote != null && schema.quote.charCodeAt(0) > 126) wrong(["quote"], "expected an ASCII character");
  if (schema.separator !== undefined && schema.separator === schema.quote)
    wrong(["separator"], "is the quote too; choose another quote, or quote: null");
  if (schema.names && new Set(schema.names).size < schema.names.length) wrong(["names"], "a name occurs twice");
  checkLabel(schema, wrong);
  if (schema.time && !isTimeFormat(schema.time.format))
    wrong(
      ["time", "format"],
      `'${schema.time.format}' is not a time format: expected unix-s, unix-ms, unix-us, iso, or a pattern such as YYYY-MM-DD HH:mm:ss`,
    );
  for (const [i, column] of schema.dense.entries()) checkSource(schema, ["dense", i], column, isText, wrong);
  for (const [i, column] of schema.tables.entries()) {
    checkSource(schema, ["tables", i], column, isText, wrong);
    checkTable(["tables", i], column, wrong);
  }
  checkNames(schema, wrong);
  checkSplit(schema, wrong);
}

type Wrong = (path: SchemaPath, message: string) => void;

function checkLabel({ label }: LogSchema, wrong: Wrong): void {
  if (label.at_least !== undefined && label.positive) wrong(["label"], "give positive or at_least, not both");
  if (label.negative && !label.positive) wrong(["label", "negative"], "give positive too");
}

function checkSource(
  schema: LogSchema,
  path: SchemaPath,
  column: LogSchema["dense"][number] | LogSchema["tables"][number],
  isText: boolean,
  wrong: Wrong,
): void {
  const { extract, sequence } = column;
  if ((column.column === undefined) === (extract === undefined)) wrong(path, "give column, or extract for the time");
  if (extract && !schema.time) wrong([...path, "extract"], "give time: the column that it is taken from");
  if (extract && sequence) wrong([...path, "sequence"], "the time is one value");
  if (sequence && schema.steps === 0) wrong([...path, "sequence"], "give steps: how many values a sequence has");
  if (sequence === true && isText) wrong([...path, "sequence"], `${schema.format} has no lists: give separator`);
  if ("min" in column && column.min !== undefined && column.max !== undefined && column.min > column.max)
    wrong([...path, "min"], "is above max");
  if ("fill" in column && column.type === "integer" && column.fill !== undefined && !Number.isInteger(column.fill))
    wrong([...path, "fill"], "expected an integer, as type says");
}

function checkTable(path: SchemaPath, table: LogSchema["tables"][number], wrong: Wrong): void {
  const { ids, rows, seed, min_count, buckets, list, sequence, shares, extract } = table;
  if (shares !== undefined)
    wrong([...path, "shares"], "not yet: every table has rows for one column; leave it out for a table each");
  const fixed = buckets ? "buckets" : extract ? "extract" : null;
  if (fixed && (ids === "hash" || min_count)) wrong(path, `${fixed} needs neither hash nor min_count`);
  if (fixed && (list || sequence)) wrong(path, `${fixed} takes one value, no list and no sequence`);
  if (buckets?.some((bound, i) => i > 0 && bound <= buckets[i - 1]))
    wrong([...path, "buckets"], "expected ascending bounds");
  if (ids === "hash" && rows === undefined) wrong(path, "ids: hash needs rows: how many the table has");
  if (ids !== "hash" && rows !== undefined) wrong([...path, "rows"], "is for ids: hash; a dictionary counts its rows");
  if (ids !== "hash" && seed !== undefined) wrong([...path, "seed"], "is for ids: hash");
  if (ids === "hash" && min_count) wrong([...path, "min_count"], "is for ids: dictionary");
  if (list && sequence) wrong([...path, "list"], "not yet: bags inside sequences; give list or sequence");
  if (!list) return;
  if (list.pool !== "sum")
    wrong(
      [...path, "list", "pool"],
      `'${list.pool}' not yet: the engines add the rows of a bag up; give sum or leave it out`,
    );
  if (list.weights !== undefined) wrong([...path, "list", "weights"], "not yet: the rows of a bag weigh the same");
}

/** Name of a feature: of its table in the data set, and in messages. */
export const nameOf = (column: DenseColumn | TableColumn): string =>
  column.name ?? column.column ?? column.extract ?? "";

function checkNames({ dense, tables, steps, format }: LogSchema, wrong: Wrong): void {
  for (const [kind, columns] of [
    ["dense", dense],
    ["tables", tables],
  ] as const) {
    const seen = new Set<string>();
    for (const [i, column] of columns.entries()) {
      const name = nameOf(column);
      if (seen.has(name)) wrong([kind, i], `'${name}' occurs twice: give name to one of them`);
      seen.add(name);
    }
  }
  if (steps > 0 && ![...dense, ...tables].some(({ sequence }) => sequence))
    wrong(["steps"], "no column is a sequence: mark those that are, or leave steps out");
  for (const [i, { list }] of tables.entries()) {
    if (list && steps > 0) wrong(["tables", i, "list"], "not yet: bags inside sequences");
    if (list && list.separator === undefined && (format === "csv" || format === "tsv"))
      wrong(["tables", i, "list"], `${format} has no lists: give separator`);
  }
}

function checkSplit({ split, time, files }: LogSchema, wrong: Wrong): void {
  if (split.by === "time") {
    if (!time) wrong(["split", "by"], "give time: the column with the time of an input");
    for (const part of ["val", "test"] as const)
      if (split[part] !== undefined && split[`${part}_from`] !== undefined)
        wrong(["split", part], `give it or ${part}_from`);
    const shares = split.val !== undefined || split.test !== undefined;
    if (shares && (split.val_from !== undefined || split.test_from !== undefined))
      wrong(["split"], "give shares (val, test) or times (val_from, test_from), not both");
  }
  const isGiven = typeof files === "object" && !Array.isArray(files);
  if (split.by === "file" && !isGiven) wrong(["files"], "split by file: give train, val and test with their files");
  if (split.by !== "file" && isGiven) wrong(["split", "by"], "files are given for train, val and test: expected file");
}
