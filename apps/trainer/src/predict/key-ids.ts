import { DataError, noRow } from "@fae/core";
import { idsOfKeys } from "@fae/datasets";
import type { ModelKeys } from "./model-keys.js";

/** Ids of raw keys, as a model's checkpoint counts them. */
export interface KeyIds {
  /** Id of a key that a line was parsed to; a key that the data set does not know has the id of a missing value. */
  id(table: number, key: number): number;
  /** By table: its name and how many keys were not known so far. */
  readonly unknown: readonly { readonly table: string; keys: number }[];
}

/**
 * Prepares for looking up every key of a raw log. An unknown key counts as a missing value: it gets the id of key 0, and no row
 * (zeros) in a table where no value was ever missing. Memory: 20 bytes a key.
 * @param path for messages
 * @throws DataError when ids came as numbers, or a vocabulary is not there
 */
export async function openKeyIds(keys: ModelKeys, path: string): Promise<KeyIds> {
  const tables: ((key: number) => number)[] = [];
  for (const [t, { table, rule, modulo }] of keys.ids.tables.entries()) {
    if (rule === "numbers" || rule === "schema") throw noKeys(path, table);
    const reduce = (key: number): number => (modulo === null ? key : (key >>> 0) % modulo);
    if (rule === "modulo") tables.push(reduce);
    else {
      const idOf = idsOfKeys(await keys.read(t));
      tables.push((key) => idOf(reduce(key)));
    }
  }
  const missing = tables.map((idOf) => Math.max(noRow, idOf(0)));
  const unknown = keys.ids.tables.map(({ table }) => ({ table, keys: 0 }));
  return {
    unknown,
    id(table, key) {
      const id = tables[table](key);
      if (id >= 0) return id;
      unknown[table].keys++;
      return missing[table];
    },
  };
}

const noKeys = (path: string, table: string): DataError =>
  new DataError(`'${path}' has no keys of table '${table}': raw lines cannot be turned into its ids.`, {
    fix: "Use data that 'fae prepare' made from the raw log, or predict on prepared data.",
    details: { path, table },
  });
