import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { Manifest } from "../manifest.js";
import { copyWhole } from "../prepare/files.js";
import type { RankedTable } from "./rank-rows.js";
import { largestFirst } from "./rank-tables.js";
import { type PackRun, runUnit } from "./units.js";

export interface PackedOriginals {
  /** By table, relative to the data set. */
  readonly files: string[];
  /** Of the original ids of all tables, one after the other. */
  readonly sha256: string;
  readonly vocabularies: Manifest["tables"][number]["vocabulary"][];
}

/** Writes original ids and the vocabularies that follow them, a table a task. */
export async function packOriginals(
  directory: string,
  { tables }: Manifest,
  ranked: readonly RankedTable[],
  run: PackRun,
): Promise<PackedOriginals> {
  const { root } = run.work;
  mkdirSync(join(root, "original-ids"), { recursive: true });
  mkdirSync(join(root, "vocab"), { recursive: true });
  const files = tables.map((_, t) => `original-ids/${t}.u32`);
  const vocabularies = tables.map(({ vocabulary }) =>
    vocabulary === null ? null : { ...vocabulary, file: `vocab/${basename(vocabulary.file)}` },
  );
  // One thread for all tables, the longest task of many: it begins first.
  const digest = runUnit(run, {
    record: "originals",
    task: "packDigest",
    bytes: 0,
    writes: [],
    input: { tables: ranked },
  });
  const originals = largestFirst(tables).map((t) => {
    const { vocabulary: old, rows } = tables[t];
    const kept = vocabularies[t];
    const to = join(root, files[t]);
    // Texts stay where they are in their file: only where the record of an id begins changes place.
    if (old?.text !== undefined) run.written.push(copyWhole(join(directory, old.text), join(root, old.text)));
    const vocabulary =
      old === null || kept === null ? null : { from: join(directory, old.file), to: join(root, kept.file) };
    return runUnit(run, {
      record: `originals-${t}`,
      task: "packOriginals",
      bytes: 4 * rows * (vocabulary === null ? 1 : 2),
      writes: vocabulary === null ? [to] : [to, vocabulary.to],
      input: { table: ranked[t], to, vocabulary },
    });
  });
  const [{ sha256 }] = await Promise.all([digest, ...originals]);
  return { files, sha256, vocabularies };
}
