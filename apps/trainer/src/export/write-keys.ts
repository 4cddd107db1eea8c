import { noRow } from "@fae/core";
import type { TextVocabulary } from "@fae/datasets";
import { keyNotation, type ModelKeys } from "../predict/model-keys.js";
import type { StagedFile } from "./stage-file.js";

/** Characters that are gathered before each write. */
const pieceLength = 1 << 20;

/**
 * Writes the vocabularies of a model as lines `table<TAB>key<TAB>id`, with keys as they stand in the log (hex: 8 digits) or, after
 * a modulo, in decimal. Key 0 stands for a missing value. Keys that are texts stand as JSON strings: "" is a missing value, null any
 * rare key. Memory: the keys of one table.
 */
export async function writeKeys(file: StagedFile, keys: ModelKeys): Promise<void> {
  let piece = "table\tkey\tid\n";
  for (const [t, { table, rule }] of keys.ids.tables.entries()) {
    if (rule !== "vocabulary") continue;
    let id = 0;
    for (const key of await keyTexts(keys, t)) {
      piece += `${table}\t${key}\t${id++}\n`;
      if (piece.length < pieceLength) continue;
      await file.write(Buffer.from(piece));
      piece = "";
    }
  }
  await file.write(Buffer.from(piece));
}

/** Keys of a table as they are written, in the order of their ids. */
async function keyTexts(keys: ModelKeys, t: number): Promise<Iterable<string>> {
  const notation = keyNotation(keys.ids, t);
  if (notation === "text") return jsonTexts(await keys.texts(t));
  const numbers = await keys.read(t);
  return textsOf(numbers, notation === "hex" ? (key) => (key >>> 0).toString(16).padStart(8, "0") : String);
}

function* textsOf(keys: Int32Array, textOf: (key: number) => string): Generator<string> {
  for (const key of keys) yield textOf(key);
}

function* jsonTexts(texts: TextVocabulary): Generator<string> {
  for (let id = 0; id < texts.rows; id++) yield JSON.stringify(texts.textOf(id));
}

/**
 * By table: the id of a missing value, which is key 0 or the empty text; -1 where no value was ever missing, or where what a
 * schema says decides.
 */
export async function missingIds(keys: ModelKeys): Promise<number[]> {
  const found: number[] = [];
  for (const t of keys.ids.tables.keys()) found.push(await missingId(keys, t));
  return found;
}

async function missingId(keys: ModelKeys, t: number): Promise<number> {
  const { rule } = keys.ids.tables[t];
  if (rule === "modulo") return 0;
  if (rule !== "vocabulary") return noRow;
  if (keyNotation(keys.ids, t) !== "text") return (await keys.read(t)).indexOf(0);
  return (await keys.texts(t)).idOf(new Uint8Array(0), 0, 0);
}
