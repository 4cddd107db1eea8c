import { createHash } from "node:crypto";
import { join } from "node:path";
import type { IdMapping } from "@fae/core";
import { type Manifest, manifestDigest } from "./manifest.js";
import { originalKeys, originalTexts } from "./original-keys.js";
import { bytesOf, readFully, withFile } from "./prepare/files.js";
import type { TextVocabulary } from "./schema/text-vocabulary.js";

type Table = Manifest["tables"][number];
/** What a manifest says of the ids of a table. */
export type StatedIds = NonNullable<Table["ids"]>;

/** The mapping that a manifest states; null when it leaves out a table. */
export function statedMapping({ source, tables }: Manifest): IdMapping | null {
  const stated = tables.flatMap(({ name, rows, ids }) => (ids ? [{ table: name, rows, ...ids }] : []));
  return stated.length === tables.length ? { source, tables: stated } : null;
}

/** A manifest whose tables all state what their ids mean. */
export interface WithIds extends Manifest {
  tables: (Table & { ids: StatedIds })[];
}

/**
 * A manifest with the meaning of its ids, from the vocabularies in `directory`; tables that state theirs keep it.
 * Vocabularies that are not packed are read in blocks: memory does not grow with them.
 */
export function withIds(directory: string, manifest: Manifest): WithIds {
  return {
    ...manifest,
    tables: manifest.tables.map((table, t) => ({ ...table, ids: table.ids ?? idsOf(directory, manifest, t) })),
  };
}

function idsOf(directory: string, manifest: Manifest, t: number): StatedIds {
  const { source, options, schema, packed } = manifest;
  const { rows, vocabulary } = manifest.tables[t];
  const modulo = typeof options.maxRowsPerTable === "number" ? options.maxRowsPerTable : null;
  const digestOf = (rule: StatedIds["rule"], feed: (take: (bytes: Uint8Array | string) => void) => void): StatedIds => {
    const hash = createHash("sha256").update(`${JSON.stringify({ source, rule, modulo })}\n`);
    feed((bytes) => hash.update(bytes));
    return { rule, modulo, digest: hash.digest("hex") };
  };
  if (vocabulary?.keys === "text")
    return digestOf("vocabulary", (take) => eachRecord(originalTexts(directory, manifest, t), take));
  if (schema !== undefined) return digestOf("schema", (take) => take(meaningOf(schema, t)));
  if (vocabulary !== null) {
    if (packed) return digestOf("vocabulary", (take) => take(bytesOf(originalKeys(directory, manifest, t))));
    return digestOf("vocabulary", (take) => eachBlock(join(directory, vocabulary.file), 4 * rows, take));
  }
  if (options.ids === "hash" && modulo !== null) return digestOf("modulo", () => {});
  // Whoever numbered the rows knows what they mean; two data sets agree when they are one, packed or not.
  return digestOf("numbers", (take) => take(`${t} ${packed?.from ?? manifestDigest(manifest)}`));
}

/** Keys as texts in the order of original ids, each behind its length; a length of 2^32 - 1 for the row of rare keys. */
function eachRecord(texts: TextVocabulary, take: (bytes: Uint8Array) => void): void {
  const rare = new Uint8Array(4).fill(255);
  for (let id = 0; id < texts.rows; id++) take(texts.recordOf(id) ?? rare);
}

/** What a schema says of the ids of a table that has no vocabulary: not where its values stand. */
function meaningOf({ definition }: NonNullable<Manifest["schema"]>, t: number): string {
  const { type, ids, rows, seed, buckets, extract } = definition.tables[t];
  return JSON.stringify({ type, ids, rows, seed, buckets, extract });
}

const blockBytes = 1 << 20;

function eachBlock(path: string, bytes: number, take: (block: Uint8Array) => void): void {
  const block = new Uint8Array(Math.min(blockBytes, bytes));
  withFile(path, "r", (file) => {
    for (let at = 0; at < bytes; at += block.length) {
      const part = block.subarray(0, Math.min(block.length, bytes - at));
      readFully(file, part, at, path);
      take(part);
    }
  });
}
