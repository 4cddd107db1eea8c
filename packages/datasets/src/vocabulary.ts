import { join } from "node:path";
import { checkArguments, DataError, is } from "@fae/core";
import { readManifest } from "./open-prepared.js";
import { bytesOf, readFully, withFile } from "./prepare/files.js";
import { IntDictionary } from "./prepare/int-dictionary.js";
import { readTextVocabulary, type TextVocabulary } from "./schema/text-vocabulary.js";

/** Raw keys of one table. */
export interface Vocabulary {
  readonly table: string;
  /**
   * Raw key of each id, as int32; after the modulo where the data set was prepared with `maxRowsPerTable`. Empty where keys
   * are texts, as those of a log with a schema.
   */
  readonly keys: Int32Array;
  /**
   * Raw key as it stands in the log: 8 hex digits, or decimal; a missing value and key 0 are one. Of a log with a schema the
   * text, empty for the missing value, `(rare)` for the row that rare keys share.
   */
  textOf(id: number): string;
  /** Id of a raw key as it stands in the log (empty for a missing value); null for a key that the data set does not know. */
  idOf(text: string): number | null;
}

/**
 * Opens the vocabulary of one table of a prepared data set. Memory: 4 bytes a key, 20 to 34 after the first `idOf`.
 * @throws DataError when there is no such table or its ids were hashed.
 */
export async function openVocabulary(directory: string, table: string): Promise<Vocabulary> {
  checkArguments("openVocabulary", { directory: [directory, is.text], table: [table, is.text] });
  const manifest = await readManifest(directory);
  const found = manifest.tables.find(({ name }) => name === table);
  if (!found?.vocabulary) {
    const known = manifest.tables.filter(({ vocabulary }) => vocabulary).map(({ name }) => name);
    throw new DataError(`'${directory}' has no vocabulary of table '${table}'.`, {
      fix: known.length > 0 ? `Tables with one: ${known.join(", ")}.` : "Prepare with a dictionary to get one.",
      details: { path: directory, table },
    });
  }
  const path = join(directory, found.vocabulary.file);
  const { keys: kind, text } = found.vocabulary;
  if (text !== undefined)
    return texts(table, readTextVocabulary(table, path, join(directory, text), found.rows), found.rows);
  const keys = new Int32Array(found.rows);
  withFile(path, "r", (file) => readFully(file, bytesOf(keys), 0, path));
  const isHex = kind === "hex";
  const pattern = isHex ? /^[0-9a-fA-F]{0,8}$/ : /^-?[0-9]{0,10}$/;
  let find: ((key: number) => number) | null = null;
  return {
    table,
    keys,
    textOf(id) {
      if (Number.isInteger(id) && id >= 0 && id < keys.length) {
        return isHex ? (keys[id] >>> 0).toString(16).padStart(8, "0") : `${keys[id]}`;
      }
      throw noId(table, id, keys.length);
    },
    idOf(text) {
      if (!pattern.test(text)) return null;
      const key = isHex ? Number.parseInt(text || "0", 16) : Number(text || "0");
      if (Number.isNaN(key) || key < -2147483648 || key > (isHex ? 4294967295 : 2147483647)) return null;
      find ??= idsOfKeys(keys);
      const id = find(key | 0);
      return id < 0 ? null : id;
    },
  };
}

function texts(table: string, found: TextVocabulary, rows: number): Vocabulary {
  return {
    table,
    keys: new Int32Array(0),
    textOf(id) {
      if (Number.isInteger(id) && id >= 0 && id < rows) return found.textOf(id) ?? "(rare)";
      throw noId(table, id, rows);
    },
    idOf(text) {
      const bytes = Buffer.from(text);
      const id = found.idOf(bytes, 0, bytes.length);
      return id < 0 ? null : id;
    },
  };
}

const noId = (table: string, id: number, rows: number): DataError =>
  new DataError(`Table '${table}' has no id ${id}, expected 0 to ${rows - 1}.`, {
    details: { table, found: id, expected: rows },
  });

/** Looks up the position of an int32 key among keys, -1 where it is not. Memory: 16 to 30 bytes a key. */
export function idsOfKeys(keys: Int32Array): (key: number) => number {
  const dictionary = new IntDictionary(keys.length);
  for (const key of keys) dictionary.add(key);
  return (key) => dictionary.idOf(key | 0);
}
