import { DataError, noRow, readOriginalIds } from "@fae/core";
import { openPrepared, openVocabulary, readManifest } from "@fae/datasets";

/** Ids of raw keys, as a model's checkpoint counts them. */
export interface KeyIds {
  /** Id of a key that a line was parsed to; a key that the data set does not know has the id of a missing value. */
  id(table: number, key: number): number;
  /** By table: its name and how many keys were not known so far. */
  readonly unknown: readonly { readonly table: string; keys: number }[];
}

interface TableKeys {
  /** -1 when the table has no such key. */
  readonly idOf: (key: number) => number;
}

/**
 * Opens the vocabulary of a prepared data set, packed or not, for looking up every key of a raw log. An unknown key counts
 * as a missing value: it gets the id of key 0, and no row (zeros) in a table where no value was ever missing. Memory: 20
 * bytes a key.
 * @throws DataError when ids were neither numbered nor hashed, as in synthetic data.
 */
export async function openKeyIds(directory: string): Promise<KeyIds> {
  const data = await openPrepared(directory);
  const manifest = await readManifest(data.directory);
  const modulo = Number(manifest.options.maxRowsPerTable ?? 0);
  const reduce = (key: number): number => (modulo > 0 ? (key >>> 0) % modulo : key);
  const tables: TableKeys[] = [];
  for (const [t, { name, rows, vocabulary }] of manifest.tables.entries()) {
    if (vocabulary === null) {
      if (manifest.options.ids !== "hash") throw noVocabulary(directory, name);
      tables.push({ idOf: reduce });
      continue;
    }
    const known = await openVocabulary(data.directory, name);
    const original = data.packed && readOriginalIds(data.packed.originalIdsPaths[t], name, rows);
    const isHex = vocabulary.keys === "hex";
    tables.push({
      idOf(key) {
        const reduced = reduce(key);
        const id = known.idOf(isHex ? (reduced >>> 0).toString(16) : `${reduced}`);
        return id === null ? -1 : original ? original[id] : id;
      },
    });
  }
  const missing = tables.map(({ idOf }) => Math.max(noRow, idOf(0)));
  const unknown = manifest.tables.map(({ name }) => ({ table: name, keys: 0 }));
  return {
    unknown,
    id(table, key) {
      const id = tables[table].idOf(key);
      if (id >= 0) return id;
      unknown[table].keys++;
      return missing[table];
    },
  };
}

const noVocabulary = (directory: string, table: string): DataError =>
  new DataError(`'${directory}' has no keys of table '${table}': raw lines cannot be turned into its ids.`, {
    fix: "Use data that 'fae prepare' made from the raw log, or predict on prepared data.",
    details: { path: directory, table },
  });
