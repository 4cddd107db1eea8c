import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "@fae/core";
import type { Manifest } from "../manifest.js";
import { bytesOf, openSink, readFully, type Sink, withFile } from "../prepare/files.js";
import { nameOf } from "./check-schema.js";
import type { RowEncoder } from "./encode-row.js";
import type { Fit } from "./fit.js";
import type { LogSchema } from "./log-schema.js";
import { type SplitOf, splitNames } from "./split-rows.js";
import { eachRows, type StoredRows } from "./stored-rows.js";
import { fixedRows } from "./table-column.js";
import type { TableIds } from "./table-ids.js";
import { lengthAt } from "./text-dictionary.js";
import { rareStart } from "./text-vocabulary.js";

export interface WrittenSplits {
  readonly splits: Manifest["splits"];
  readonly labelRate: number;
  /** By split: file of int32, the group of each input. */
  readonly groupFiles: Record<string, string> | null;
}

/** Writes the rows of each split, with their final ids and numbers. @throws DataError when none is left to train on */
export function writeSplits(
  root: string,
  { layout, stride }: RowEncoder,
  stored: StoredRows,
  splitOf: SplitOf,
  { zScores, rare }: Fit,
  groupsPath: string | null,
): WrittenSplits {
  const sinks = splitNames.map((name) => openSink(join(root, `${name}.rows`), 1 << 20));
  const groupSinks = groupsPath === null ? [] : splitNames.map((name) => openSink(join(root, `${name}.group.i32`)));
  const counts = splitNames.map(() => ({ rows: 0, positives: 0 }));
  const finish = finisher(layout, stride, zScores, rare);
  try {
    eachRows(stored, splitOf, (words, floats, rows, codes, first) => {
      const groups = groupsPath === null ? null : groupsOf(groupsPath, first, rows);
      for (let row = 0; row < rows; row++) {
        const at = row * stride;
        finish(words, floats, at);
        const code = codes[row];
        counts[code].rows++;
        counts[code].positives += words[at];
        sinks[code].write(bytesOf(words.subarray(at, at + stride)));
        if (groups) groupSinks[code].write(bytesOf(groups.subarray(row, row + 1)));
      }
    });
    for (const sink of [...sinks, ...groupSinks]) sink.close();
  } catch (error) {
    for (const sink of [...sinks, ...groupSinks]) sink.abandon();
    throw error;
  }
  if (counts[0].rows === 0) {
    throw new DataError(`The log gives ${stored.rows} inputs and none of them is one to train on.`, {
      fix: "Change split in the schema.",
      details: { found: stored.rows },
    });
  }
  const positives = counts.reduce((n, count) => n + count.positives, 0);
  return {
    splits: Object.fromEntries(splitNames.map((name, i) => [name, { file: `${name}.rows`, ...counts[i] }])),
    labelRate: positives / stored.rows,
    groupFiles: groupsPath === null ? null : Object.fromEntries(splitNames.map((name) => [name, `${name}.group.i32`])),
  };
}

function groupsOf(path: string, first: number, rows: number): Int32Array {
  const groups = new Int32Array(rows);
  withFile(path, "r", (file) => readFully(file, bytesOf(groups), first * 4, path));
  return groups;
}

/** Brings one row to its final form. */
export function finisher(
  { denseFeatures, hotness, steps }: RowEncoder["layout"],
  stride: number,
  zScores: Fit["zScores"],
  rare: Fit["rare"],
) {
  const parts = Math.max(1, steps);
  const perStep = (stride - 1) / parts;
  return (words: Int32Array, floats: Float32Array, row: number): void => {
    for (let s = 0, at = row + 1; s < parts; s++, at += perStep) {
      for (let f = 0; f < zScores.length; f++) {
        const score = zScores[f];
        if (score) floats[at + f] = (floats[at + f] - score.mean) / score.deviation;
      }
      let word = at + denseFeatures;
      for (let t = 0; t < hotness.length; t++) {
        const map = rare[t];
        if (map)
          for (let l = 0; l < hotness[t]; l++) if (words[word + l] >= 0) words[word + l] = map.ids[words[word + l]];
        word += hotness[t];
      }
    }
  };
}

/** Writes the vocabularies; returns the tables of the manifest. */
export function writeTables(
  root: string,
  schema: LogSchema,
  ids: readonly TableIds[],
  { rare }: Fit,
): Manifest["tables"] {
  mkdirSync(join(root, "vocab"), { recursive: true });
  return schema.tables.map((table, t) => {
    const name = nameOf(table);
    const { dictionary } = ids[t];
    if (!dictionary) return { name, rows: fixedRows(table) ?? 1, vocabulary: null };
    // Bags may all be empty: a table has one row at least.
    if (dictionary.size === 0) dictionary.add(new Uint8Array(0), 0, 0);
    const vocabulary = { file: `vocab/${t}.u32`, keys: "text" as const, text: `vocab/${t}.text` };
    const kept = rare[t]?.kept;
    const starts = writeTexts(join(root, vocabulary.text), dictionary, kept?.length ? kept : null);
    const sink = openSink(join(root, vocabulary.file));
    sink.write(bytesOf(starts));
    sink.close();
    return { name, rows: starts.length, vocabulary };
  });
}

/** Writes the records of all keys, or of those kept, in id order; returns where each begins. */
function writeTexts(
  path: string,
  { starts, texts }: NonNullable<TableIds["dictionary"]>,
  kept: Int32Array | null,
): Uint32Array {
  const sink: Sink = openSink(path);
  try {
    if (kept === null) {
      sink.write(texts);
      sink.close();
      return starts;
    }
    const found = new Uint32Array(kept.length);
    let at = 0;
    for (const [id, old] of kept.entries()) {
      found[id] = old < 0 ? rareStart : at;
      if (old < 0) continue;
      const record = texts.subarray(starts[old], starts[old] + 4 + lengthAt(texts, starts[old]));
      sink.write(record);
      at += record.length;
    }
    sink.close();
    return found;
  } catch (error) {
    sink.abandon();
    throw error;
  }
}
