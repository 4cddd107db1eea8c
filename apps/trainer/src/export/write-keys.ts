import { keyNotation, type ModelKeys } from "../predict/model-keys.js";
import type { StagedFile } from "./stage-file.js";

/** Characters that are gathered before each write. */
const pieceLength = 1 << 20;

/**
 * Writes the vocabularies of a model as lines `table<TAB>key<TAB>id`, with keys as they stand in the log (hex: 8 digits) or, after
 * a modulo, in decimal. Key 0 stands for a missing value. Memory: the keys of one table, 4 bytes each.
 */
export async function writeKeys(file: StagedFile, keys: ModelKeys): Promise<void> {
  let piece = "table\tkey\tid\n";
  for (const [t, { table, rule }] of keys.ids.tables.entries()) {
    if (rule !== "vocabulary") continue;
    const isHex = keyNotation(keys.ids, t) === "hex";
    for (const [id, key] of (await keys.read(t)).entries()) {
      piece += `${table}\t${isHex ? (key >>> 0).toString(16).padStart(8, "0") : key}\t${id}\n`;
      if (piece.length < pieceLength) continue;
      await file.write(Buffer.from(piece));
      piece = "";
    }
  }
  await file.write(Buffer.from(piece));
}

/** By table: the id of key 0, which stands for a missing value; -1 where no value was ever missing. */
export async function missingIds(keys: ModelKeys): Promise<number[]> {
  const found: number[] = [];
  for (const [t, { rule }] of keys.ids.tables.entries())
    found.push(rule === "modulo" ? 0 : rule === "numbers" ? -1 : (await keys.read(t)).indexOf(0));
  return found;
}
