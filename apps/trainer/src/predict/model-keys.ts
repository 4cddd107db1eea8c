import { join } from "node:path";
import { DataError, type IdMapping, type PreparedData, type TableIds } from "@fae/core";
import { originalKeys, originalTexts, rawFormats, readManifest, type TextVocabulary } from "@fae/datasets";
import { type Checkpoint, type KeysOfTable, keysTensor, openSafetensors } from "@fae/embedding-store";

/** Vocabularies of a data set for a checkpoint to carry; none where ids were hashed or came as numbers, or keys are texts. */
export async function keysOf({ directory }: Pick<PreparedData, "directory">): Promise<KeysOfTable[]> {
  const manifest = await readManifest(directory);
  return manifest.tables.flatMap(({ name, rows, vocabulary }, t) =>
    vocabulary === null || vocabulary.keys === "text"
      ? []
      : [{ table: name, rows, read: () => originalKeys(directory, manifest, t) }],
  );
}

/** How raw keys become the ids of a model. */
export interface ModelKeys {
  readonly ids: IdMapping;
  /** Raw keys of a table with a vocabulary, position = id. Memory: 4 bytes a key. @throws DataError */
  read(t: number): Promise<Int32Array>;
  /** The same where keys are texts. @throws DataError */
  texts(t: number): Promise<TextVocabulary>;
}

/**
 * Keys that a checkpoint carries.
 * @returns null when it does not say what its ids mean, or lacks a vocabulary that they need
 */
export function carriedKeys({ path, manifest }: Checkpoint): ModelKeys | null {
  const { ids } = manifest;
  const fileOf = (table: string) => manifest.files.find(({ tensors }) => tensors.includes(keysTensor(table)))?.name;
  if (!ids?.tables.every(({ table, rule }) => rule !== "vocabulary" || fileOf(table) !== undefined)) return null;
  return {
    ids,
    async read(t) {
      const { table } = ids.tables[t];
      await using file = await openSafetensors(join(path, fileOf(table) ?? ""));
      return file.integers(keysTensor(table));
    },
    async texts(t) {
      throw new DataError(`'${path}' does not carry the keys of table '${ids.tables[t].table}': they are texts.`, {
        fix: "Name the prepared data set that the model was trained on.",
        details: { path, table: ids.tables[t].table },
      });
    },
  };
}

/** Keys of a data set, packed or not. */
export async function dataKeys({ directory, ids }: PreparedData & { readonly ids: IdMapping }): Promise<ModelKeys> {
  const manifest = await readManifest(directory);
  return {
    ids,
    read: async (t) => originalKeys(directory, manifest, t),
    texts: async (t) => originalTexts(directory, manifest, t),
  };
}

/**
 * How a key of a table is written: as in its log; in decimal once a modulo was taken.
 * @throws DataError when its log is not one that keys are read from
 */
export function keyNotation({ source, tables }: IdMapping, t: number): "hex" | "decimal" | "text" {
  const { modulo, table }: TableIds = tables[t];
  if (modulo !== null) return "decimal";
  if (source === "schema") return "text";
  const found = source === "custom" ? undefined : rawFormats[source].tables.find(({ name }) => name === table);
  if (found) return found.keys;
  throw new DataError(`${source} has no table '${table}'.`, { details: { source, table } });
}
