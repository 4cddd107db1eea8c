import { createHash } from "node:crypto";
import { join } from "node:path";
import { checkArguments, idRules, is, layoutLimits, logNames, strideWords } from "@fae/core";
import { z } from "zod";
import { fileSums } from "./prepare/file-sums.js";
import { writeWhole } from "./prepare/files.js";
import type { Written } from "./prepare/written.js";

/** Version of the directory layout that this release writes, and those that it reads. 1 had no sums of its files and no meaning of ids. */
export const manifestVersion = 2;
export const manifestVersions = [1, manifestVersion] as const;
export const manifestName = "manifest.json";

const count = z.int().nonnegative();
const relativeFile = z.string().regex(/^(?!\/)(?!.*\.\.)[\w.\-/]+$/, "expected a path inside the data set");
const digest = z.string().regex(/^[0-9a-f]{64}$/, "expected a sha256 in hex");
const split = z.strictObject({ file: relativeFile, rows: count, positives: count });

/**
 * `manifest.json` of a prepared data set. It names no time and no machine, so that the same raw files and options give the
 * same bytes everywhere.
 */
export const manifestSchema = z
  .strictObject({
    format: z.literal("fae-prepared"),
    version: z.literal(manifestVersions),
    source: z.enum(logNames),
    /** Raw files in order: base name, bytes and digest of the file as stored (compressed where it is). */
    sources: z.array(z.strictObject({ name: z.string(), bytes: count, sha256: digest })),
    layout: z
      .strictObject({
        denseFeatures: count,
        denseEncoding: z.enum(["float32", "int32-log1p"]),
        steps: count,
        hotness: z.array(z.int().positive().max(layoutLimits.hotness)),
      })
      .refine((layout) => strideWords(layout) <= layoutLimits.strideWords, {
        error: `an input may have at most ${layoutLimits.strideWords} words`,
      }),
    /**
     * `vocabulary`: file of int32 raw keys, position = id; `keys` says how a key prints. Of keys `text` the file has the uint32
     * byte where the record of each id begins in `text`: its length in 4 bytes, then UTF-8; 2^32 - 1 is the row of rare keys.
     * `ids`: what original ids mean (`TableIds` of core), the same in a pack; older manifests lack it.
     */
    tables: z.array(
      z.strictObject({
        name: z.string().min(1),
        rows: z.int().positive().max(layoutLimits.rows),
        vocabulary: z
          .strictObject({ file: relativeFile, keys: z.enum(["hex", "decimal", "text"]), text: relativeFile.optional() })
          .refine(({ keys, text }) => (keys === "text") === (text !== undefined), {
            error: "keys 'text' need a file of texts",
          })
          .nullable(),
        ids: z.strictObject({ rule: z.enum(idRules), modulo: z.int().positive().nullable(), digest }).optional(),
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
    /** What a user should know about the log: `code` for programs, `message` for people. Absent when there is nothing. */
    warnings: z.array(z.strictObject({ code: z.string(), message: z.string() })).optional(),
    /** The options that shaped the data. */
    options: z.record(z.string(), z.json()),
    /** Of a log with a schema. */
    schema: z
      .strictObject({
        /** The schema with its defaults, without its files. */
        definition: z.looseObject({ tables: z.array(z.record(z.string(), z.json())) }),
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
    /** Bytes and CRC-32 of each file that is named above; computed while they were written. */
    files: z.record(relativeFile, z.strictObject({ bytes: count, crc32: z.int().min(0).max(0xffffffff) })).optional(),
  })
  .refine(({ schema, tables }) => schema === undefined || schema.definition.tables.length === tables.length, {
    error: "its schema has other tables",
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

/**
 * sha256 of the manifest without its `packed` part, its `warnings` and what follows from the rest (`ids`); does not depend on the
 * order of keys, nor on the version: a data set that is prepared again keeps its digest.
 */
export function manifestDigest(manifest: Manifest): string {
  const { packed: _, warnings: ___, tables, ...rest } = manifest;
  return createHash("sha256")
    .update(JSON.stringify(sorted({ ...rest, version: 1, tables: tables.map(({ ids: __, ...table }) => table) })))
    .digest("hex");
}

export const isManifest = is.matching("a manifest", (value) => {
  const { error } = manifestSchema.safeParse(value);
  return error === undefined ? null : z.prettifyError(error);
});

/** Names of the files that a manifest speaks of. */
export const filesOf = ({ splits, tables, lines, schema, packed }: Manifest): string[] => [
  ...Object.values(splits).flatMap((split) => (split ? [split.file] : [])),
  ...tables.flatMap(({ vocabulary }) =>
    vocabulary ? [vocabulary.file, ...(vocabulary.text === undefined ? [] : [vocabulary.text])] : [],
  ),
  ...(lines.file === null ? [] : [lines.file]),
  ...Object.values(schema?.groups?.files ?? {}),
  ...(packed?.originalIds ?? []),
];

/**
 * Checks and writes `manifest.json` durably, in this release's version, with the sums of its files, which are there.
 * @param written all that is in them, where it is known: else they are read
 */
export function writeManifest(directory: string, manifest: Manifest, written?: readonly Written[]): void {
  checkArguments("writeManifest", { directory: [directory, is.text], manifest: [manifest, isManifest] });
  const files = fileSums(directory, filesOf(manifest), written);
  const text = `${JSON.stringify(manifestSchema.parse({ ...manifest, version: manifestVersion, files }), null, 2)}\n`;
  writeWhole(join(directory, manifestName), text, { durable: true });
}
