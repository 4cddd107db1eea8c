import { z } from "zod";

const text = z.string().min(1, "expected a name, found nothing");
const paths = z.union([text, z.array(text).min(1)], { error: "expected a file, a glob, or a list of them" });
const share = z
  .number()
  .refine((n) => (n > 0 && n < 1) || (Number.isInteger(n) && n >= 0), "expected a share below 1 or a number of inputs");
const numbers = z.array(z.number()).min(1);
const words = z.array(z.union([z.string(), z.number(), z.boolean()]).transform(String)).min(1);
const integerType = z.enum(["number", "integer"]);
const extract = z.enum(["hour", "weekday"]);

const label = z.strictObject(
  {
    column: text,
    /** Values that are a click; all others are not. */
    positive: words.optional(),
    /** Values that are no click; with it a value in neither list is rejected. */
    negative: words.optional(),
    /** A click is a number of at least this. */
    at_least: z.number().optional(),
  },
  { error: (issue) => (Array.isArray(issue.input) ? "not yet: several labels; give one" : undefined) },
);

/** Several values in one cell. Without `separator` the column holds lists (Parquet, JSONL). */
const list = z.strictObject({
  separator: text.optional(),
  /** L: ids of one input at most. */
  most: z.int().min(1).max(4096),
  /** A longer list: rejected (default), or its first or last `most` values are taken. */
  longer: z.enum(["reject", "first", "last"]).default("reject"),
  /** How the rows of a bag become one. */
  pool: z.string().default("sum"),
  weights: z.unknown().optional(),
});

/** One value a step in one cell; exactly `steps` of them. */
const sequence = z.union([z.literal(true), z.strictObject({ separator: text })], {
  error: "expected true for a list column, or the separator of the values",
});

const dense = z.strictObject({
  column: text.optional(),
  /** Hour of the day (0..23) or day of the week (0 Sunday .. 6) of the `time` column, in UTC. */
  extract: extract.optional(),
  name: text.optional(),
  type: integerType.default("number"),
  /** In place of a missing value, before `transform`; without it such a line is rejected. */
  fill: z.number().optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  transform: z.enum(["none", "log1p", "z-score"]).default("none"),
  sequence: sequence.optional(),
});

const table = z.strictObject({
  column: text.optional(),
  extract: extract.optional(),
  name: text.optional(),
  type: z.enum(["string", "integer"]).default("string"),
  ids: z.enum(["dictionary", "hash"]).default("dictionary"),
  /** Hash: rows of the table, row 0 is the missing value. */
  rows: z
    .int()
    .min(2)
    .max(2 ** 29)
    .optional(),
  seed: z.int().min(0).max(0xffffffff).optional(),
  /** Values with fewer training inputs share one row. */
  min_count: z.int().min(2).optional(),
  /** Bounds in ascending order: id = how many of them are at most the value; the last row is the missing value. */
  buckets: numbers.optional(),
  list: list.optional(),
  sequence: sequence.optional(),
  /** Rows in common with another table. */
  shares: z.string().optional(),
});

/** Formats of `time` with a name; others are patterns of YYYY or YY, MM, DD, HH, mm, ss, SSS. */
const time = z.strictObject({ column: text, format: text.default("unix-s") });

const moment = z.union([z.string(), z.number()], { error: "expected a time in the form of the time column" });
const values = words;

const split = z.discriminatedUnion(
  "by",
  [
    z.strictObject({
      by: z.literal("time"),
      val: share.optional(),
      test: share.optional(),
      val_from: moment.optional(),
      test_from: moment.optional(),
    }),
    z.strictObject({
      by: z.literal("share"),
      val: share.optional(),
      test: share.optional(),
      /** Which of the two comes after the training inputs. */
      order: z.enum(["val-test", "test-val"]).default("val-test"),
    }),
    z.strictObject({ by: z.literal("file") }),
    z.strictObject({
      by: z.literal("column"),
      column: text,
      train: values,
      val: values.optional(),
      test: values.optional(),
    }),
    z.strictObject({ by: z.literal("none") }),
  ],
  { error: "expected by: time, share, file, column or none (every input trains)" },
);

const one = <T extends z.ZodType>(object: T) =>
  z.preprocess((value) => (typeof value === "string" ? { column: value } : value), object);

/**
 * A log in a table: where it is, how it is cut, and what its columns become. `z.input` of it is what people write; the
 * output has every default.
 */
export const logShape = z.strictObject({
  files: z.union([paths, z.strictObject({ train: paths, val: paths.optional(), test: paths.optional() })], {
    error: "expected files or globs, or train, val and test with files or globs",
  }),
  format: z.enum(["csv", "tsv", "jsonl", "parquet"]),
  /** CSV and TSV: between two fields; one or more characters. */
  separator: text.optional(),
  /** CSV and TSV: around a field that holds separators or line ends; null: there are no quotes. */
  quote: z.string().length(1, "expected one character").nullable().optional(),
  /** CSV and TSV: names of all fields in order, for files without a header line. */
  names: z.array(text).min(1).optional(),
  /** Cells that stand for a missing value, besides the empty one. */
  missing: z.array(z.string()).default([]),
  /** One column, or a list of one: several may come. */
  label: z.preprocess((value) => {
    const first = Array.isArray(value) && value.length === 1 ? value[0] : value;
    return typeof first === "string" ? { column: first } : first;
  }, label),
  time: one(time).optional(),
  /** Column that tells the inputs of one user, session or request. */
  group: text.optional(),
  dense: z.array(one(dense)).default([]),
  tables: z.array(one(table)).min(1, "expected at least one table"),
  /** S: sequences of this many steps, 0 for none. */
  steps: z.int().min(0).max(4096).default(0),
  split,
});

export type LogSchema = z.output<typeof logShape>;
/** What people write: a column's name alone is short for an entry with it. */
export interface LogSchemaInput extends Omit<z.input<typeof logShape>, "label" | "time" | "dense" | "tables"> {
  readonly label: string | z.input<typeof label> | readonly [string | z.input<typeof label>];
  readonly time?: string | z.input<typeof time> | undefined;
  readonly dense?: readonly (string | z.input<typeof dense>)[] | undefined;
  readonly tables: readonly (string | z.input<typeof table>)[];
}
export type DenseColumn = LogSchema["dense"][number];
export type TableColumn = LogSchema["tables"][number];

/** Position in a schema, e.g. `["tables", 2, "buckets"]`. */
export type SchemaPath = readonly (string | number)[];
