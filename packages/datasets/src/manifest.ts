import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** Version of the directory layout that this release writes and reads. */
export const manifestVersion = 1;
export const manifestName = "manifest.json";

const count = z.int().nonnegative();
const relativeFile = z.string().regex(/^(?!\/)(?!.*\.\.)[\w.\-/]+$/, "expected a path inside the data set");
const digest = z.string().regex(/^[0-9a-f]{64}$/, "expected a sha256 in hex");
const split = z.strictObject({ file: relativeFile, rows: count, positives: count });

/**
 * `manifest.json` of a prepared data set. It names no time and no machine, so that the same raw files and options give the
 * same bytes everywhere.
 */
export const manifestSchema = z.strictObject({
  format: z.literal("fae-prepared"),
  version: z.literal(manifestVersion),
  source: z.enum(["criteo-kaggle", "criteo-terabyte", "avazu", "taobao", "custom", "schema"]),
  /** Raw files in order: base name, bytes and digest of the file as stored (compressed where it is). */
  sources: z.array(z.strictObject({ name: z.string(), bytes: count, sha256: digest })),
  layout: z.strictObject({
    denseFeatures: count,
    denseEncoding: z.enum(["float32", "int32-log1p"]),
    steps: count,
    hotness: z.array(z.int().positive()),
  }),
  /**
   * `vocabulary`: file of int32 raw keys, position = id; `keys` says how a key prints. Of keys `text` the file has the uint32
   * byte where the record of each id begins in `text`: its length in 4 bytes, then UTF-8; 2^32 - 1 is the row of rare keys.
   */
  tables: z.array(
    z.strictObject({
      name: z.string().min(1),
      rows: z.int().positive(),
      vocabulary: z
        .strictObject({ file: relativeFile, keys: z.enum(["hex", "decimal", "text"]), text: relativeFile.optional() })
        .nullable(),
    }),
  ),
  splits: z.strictObject({
    train: split.optional(),
    val: split.optional(),
    test: split.optional(),
    hot: split.optional(),
    cold: split.optional(),
  }),
  /** Positive inputs / inputs over train, val and test. */
  labelRate: z.number().min(0).max(1),
  /** Lines of the raw files: how many, how many ended in CR LF, how many were rejected and why. */
  lines: z.strictObject({
    total: count,
    crlf: count,
    rejected: count,
    byReason: z.record(z.string(), count),
    file: relativeFile.nullable(),
  }),
  /** The options that shaped the data. */
  options: z.record(z.string(), z.json()),
  /** Of a log with a schema. */
  schema: z
    .strictObject({
      /** The schema with its defaults, without its files. */
      definition: z.record(z.string(), z.json()),
      /** By dense column: what was taken from the value, and what it was then divided by. */
      zScores: z.array(z.strictObject({ mean: z.number(), deviation: z.number().positive() }).nullable()),
      /** By split: file of int32, the group of each input; `rows` groups in all. */
      groups: z.strictObject({ rows: count, files: z.record(z.string(), relativeFile) }).nullable(),
    })
    .optional(),
  packed: z
    .strictObject({
      from: digest,
      hotRows: z.array(count),
      budgetBytes: count,
      rowBytes: count,
      /** Inputs of train whose ids are all hot, and the positive ones among them. */
      hotInputs: count,
      hotPositives: count,
      /** Per table: file of uint32, original id of each new id. */
      originalIds: z.array(relativeFile),
    })
    .optional(),
});

export type Manifest = z.infer<typeof manifestSchema>;

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, v]) => v !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  );
};

/** sha256 of the manifest without its `packed` part; does not depend on the order of keys. */
export function manifestDigest(manifest: Manifest): string {
  const { packed: _, ...rest } = manifest;
  return createHash("sha256")
    .update(JSON.stringify(sorted(rest)))
    .digest("hex");
}

/** Checks and writes `manifest.json` durably: to a file beside it, fsync, rename. */
export function writeManifest(directory: string, manifest: Manifest): void {
  const text = `${JSON.stringify(manifestSchema.parse(manifest), null, 2)}\n`;
  const temporary = join(directory, `${manifestName}.tmp`);
  const file = openSync(temporary, "w");
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, join(directory, manifestName));
}
