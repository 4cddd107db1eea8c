import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Manifest, manifestVersion } from "../manifest.js";
import { bytesOf, openSink } from "../prepare/files.js";
import type { Written } from "../prepare/written.js";
import type { Design, DesignTable } from "./design.js";
import type { SynthSettings } from "./settings.js";

export interface SplitCount {
  readonly rows: number;
  readonly positives: number;
}

const vocabularyLimit = 100_000_000;

/** Writes the raw key of every row id, table by table; the files by name, or null when there are to be none. */
export function writeVocabularies(
  { vocabulary }: SynthSettings,
  { tables }: Design,
  root: string,
): { readonly names: readonly string[]; readonly written: readonly Written[] } | null {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  if (!(vocabulary ?? rows <= vocabularyLimit)) return null;
  mkdirSync(join(root, "vocab"), { recursive: true });
  const names = tables.map(({ name }) => `vocab/${name}.i32`);
  return { names, written: tables.map((table, t) => writeKeys(join(root, names[t]), table)) };
}

function writeKeys(path: string, { rows, keyOf }: DesignTable): Written {
  const sink = openSink(path, 0);
  try {
    const block = new Int32Array(Math.min(rows, 1 << 18));
    for (let from = 0; from < rows; from += block.length) {
      const count = Math.min(block.length, rows - from);
      for (let i = 0; i < count; i++) block[i] = keyOf(from + i);
      sink.write(bytesOf(block.subarray(0, count)));
    }
    return sink.close();
  } catch (error) {
    sink.abandon();
    throw error;
  }
}

/** Manifest of a data set that was made, not read: it has no raw files. `splits`: train, test, validation. */
export function manifestOf(
  { source, seed, calibration, scale, drift, days, labelRate, rows }: SynthSettings,
  { layout, tables }: Design,
  splits: readonly SplitCount[],
  vocabularies: readonly string[] | null,
): Manifest {
  const [train, test, val] = (["train", "test", "val"] as const).map((name, i) => ({
    file: `${name}.rows`,
    ...splits[i],
  }));
  const positives = splits.reduce((sum, split) => sum + split.positives, 0);
  const inputs = splits.reduce((sum, split) => sum + split.rows, 0);
  return {
    format: "fae-prepared",
    version: manifestVersion,
    source,
    sources: [],
    layout: { ...layout, hotness: [...layout.hotness] },
    tables: tables.map(({ name, rows: count, keys }, t) => ({
      name,
      rows: count,
      vocabulary: vocabularies ? { file: vocabularies[t], keys } : null,
    })),
    splits: { train, val, test },
    labelRate: positives / inputs,
    lines: { total: 0, crlf: 0, rejected: 0, byReason: {}, file: null },
    options: { synthetic: true, rows, seed, calibration, scale, drift, days, labelRate },
  };
}
