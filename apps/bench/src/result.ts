import { z } from "zod";

/** A number with its spread over the repeats of one run. */
export const spread = z.object({
  median: z.number(),
  min: z.number(),
  max: z.number(),
  n: z.number().int().positive(),
});
export type Spread = z.infer<typeof spread>;

const series = z.object({
  name: z.string(),
  /** One per category (bars, stacked) or per x value (curve); null where nothing was measured. */
  values: z.array(z.number().nullable()),
  low: z.array(z.number().nullable()).optional(),
  high: z.array(z.number().nullable()).optional(),
  /** A published value drawn beside ours. */
  published: z.boolean().optional(),
});
export type Series = z.infer<typeof series>;

/** What a figure shows; the report draws it and prints its numbers in a table below. */
export const figure = z.object({
  title: z.string(),
  kind: z.enum(["bars", "stacked", "curve"]),
  /** Categories, or x values of a curve. */
  x: z.array(z.union([z.string(), z.number()])),
  xTitle: z.string().default(""),
  yTitle: z.string(),
  logX: z.boolean().default(false),
  logY: z.boolean().default(false),
  series: z.array(series),
  note: z.string().default(""),
});
export type Figure = z.infer<typeof figure>;

export const table = z.object({
  title: z.string(),
  columns: z.array(z.string()),
  rows: z.array(z.array(z.union([z.string(), z.number(), z.null()]))),
  note: z.string().default(""),
});
export type Table = z.infer<typeof table>;

/** A number that the paper is known by, beside ours; the report puts those of one machine into one table. */
export const headline = z.object({
  /** Read below the scenario's title, e.g. `fae over the parameter server`. */
  what: z.string(),
  unit: z.string(),
  /** null where the paper says nothing. */
  paper: z.number().nullable(),
  /** null: not measured, `detail` says why. */
  ours: spread.nullable(),
  /** What the number is made of, e.g. the value of each workload. */
  detail: z.string().default(""),
});
export type Headline = z.infer<typeof headline>;

/** The check that a result was right before it was timed. */
export const check = z.object({ what: z.string(), passed: z.boolean(), detail: z.string() });
export type Check = z.infer<typeof check>;

export const machine = z.object({
  cpu: z.string(),
  cores: z.number(),
  memoryBytes: z.number(),
  os: z.string(),
  gpus: z.array(z.string()),
  engines: z.record(z.string(), z.string()),
});
export type MachineFacts = z.infer<typeof machine>;

/** One run of one scenario: everything needed to believe it, and to draw it. */
export const result = z.object({
  schema: z.literal(1),
  scenario: z.string(),
  title: z.string(),
  /** What the paper says, or "" where it says nothing. */
  paper: z.string(),
  startedAt: z.string(),
  seconds: z.number(),
  command: z.string(),
  commit: z.string(),
  versions: z.record(z.string(), z.string()),
  machine,
  options: z.record(z.string(), z.unknown()),
  seeds: z.array(z.number()),
  /** Every raw repeat in the order in which it ran: `{ variant, repeat, ...numbers }`. */
  repeats: z.array(z.record(z.string(), z.unknown())),
  checks: z.array(check),
  tables: z.array(table),
  figures: z.array(figure),
  /** Absent in results of earlier versions. */
  headlines: z.array(headline).default([]),
  /** What a reader must know: what is synthetic, what was scaled, what could not be run. */
  notes: z.array(z.string()),
});
export type Result = z.infer<typeof result>;
