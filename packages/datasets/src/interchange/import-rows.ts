import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import {
  DataError,
  idsPerStep,
  layoutLimits,
  noRow,
  type PreparedData,
  type RowLayout,
  strideWords,
  syncPath,
} from "@fae/core";
import { withIds } from "../id-mapping.js";
import { type Manifest, manifestVersion, writeManifest } from "../manifest.js";
import { openPrepared } from "../open-prepared.js";
import { diskFull } from "../prepare/disk.js";
import { bytesOf, openSink, type Sink, syncTree } from "../prepare/files.js";
import { expectUnchanged, fileState } from "../prepare/raw-files.js";
import { lockFresh } from "../prepare/work.js";

export type ImportSplit = "train" | "val" | "test";

export interface ImportTarget {
  /** Directory to create; it appears whole or not at all. */
  readonly directory: string;
  readonly source: Manifest["source"];
  readonly layout: RowLayout;
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
  /** Files that are imported: their digests go to the manifest. */
  readonly files: readonly string[];
  readonly options: Manifest["options"];
}

/** Takes the rows of a data set that comes from another program. */
export interface RowIntake {
  /** Takes whole rows in order. @throws DataError for a label, count or id out of range */
  write(split: ImportSplit, words: Int32Array): void;
}

/**
 * Makes a prepared data set of rows that `fill` delivers; every row is checked. Nothing is left when it fails.
 * @throws ConfigError when the directory exists, DataError for a bad row or when there is none.
 */
export async function importRows(
  target: ImportTarget,
  fill: (intake: RowIntake, work: string) => Promise<void>,
): Promise<PreparedData> {
  const directory = resolve(target.directory);
  const { layout, tables } = target;
  checkTables(target);
  const lock = await lockFresh(directory);
  // Not `.partial`: that may hold an interrupted prepare.
  const root = `${directory}.importing`;
  const sinks = new Map<ImportSplit, Sink>();
  try {
    const states = target.files.map(fileState);
    rmSync(root, { recursive: true, force: true });
    mkdirSync(join(root, "work"), { recursive: true });
    const counts = { train: empty(), val: empty(), test: empty() };
    for (const split of ["train", "val", "test"] as const)
      sinks.set(split, openSink(join(root, `${split}.rows`), 1 << 20));
    const check = rowChecker(layout, tables);
    const stride = strideWords(layout);
    const intake: RowIntake = {
      write(split, words) {
        const count = counts[split];
        count.positives += check(words, split, count.rows);
        count.rows += words.length / stride;
        sinks.get(split)?.write(bytesOf(words));
      },
    };
    await fill(intake, join(root, "work"));
    const written = [...sinks.values()].map((sink) => sink.close());
    if (counts.train.rows === 0) {
      throw new DataError(`'${target.files[0]}' gives no training inputs.`, { fix: "Give a file that holds some." });
    }
    rmSync(join(root, "work"), { recursive: true });
    const all = Object.values(counts);
    const sum = (of: "rows" | "positives") => all.reduce((n, count) => n + count[of], 0);
    const sources = await Promise.all(target.files.map(sourceOf));
    for (const [i, path] of target.files.entries()) expectUnchanged(path, states[i]);
    const manifest: Manifest = {
      format: "fae-prepared",
      version: manifestVersion,
      source: target.source,
      sources,
      layout: { ...layout, hotness: [...layout.hotness] },
      tables: tables.map(({ name, rows }) => ({ name, rows, vocabulary: null })),
      splits: {
        train: { file: "train.rows", ...counts.train },
        val: { file: "val.rows", ...counts.val },
        test: { file: "test.rows", ...counts.test },
      },
      labelRate: sum("positives") / sum("rows"),
      lines: { total: sum("rows"), crlf: 0, rejected: 0, byReason: {}, file: null },
      options: target.options,
    };
    writeManifest(root, withIds(root, manifest), written);
    syncTree(root);
    renameSync(root, directory);
    syncPath(dirname(directory));
  } catch (error) {
    for (const sink of sinks.values()) sink.abandon();
    rmSync(root, { recursive: true, force: true });
    throw diskFull(error, root) ?? error;
  } finally {
    lock.release();
  }
  return openPrepared(directory);
}

/** @throws DataError for a cardinality that no table can have */
function checkTables({ tables, files }: ImportTarget): void {
  const wrong = tables.find(({ rows }) => !(Number.isInteger(rows) && rows >= 1 && rows <= layoutLimits.rows));
  if (wrong === undefined) return;
  throw new DataError(
    `Table '${wrong.name}' of '${files[0]}' would have ${wrong.rows} rows, expected 1 to ${layoutLimits.rows}.`,
    {
      fix: "Repair the file that is imported, or its description.",
      details: { path: files[0], table: wrong.name, found: wrong.rows, expected: layoutLimits.rows },
    },
  );
}

const empty = () => ({ rows: 0, positives: 0 });

/** Checks rows word by word; returns their positives. */
function rowChecker(layout: RowLayout, tables: ImportTarget["tables"]) {
  const stride = strideWords(layout);
  const { denseFeatures, denseEncoding } = layout;
  const limits = layout.hotness.flatMap((count, t) => new Array<number>(count).fill(tables[t].rows));
  const names = layout.hotness.flatMap((count, t) => new Array<string>(count).fill(tables[t].name));
  const step = denseFeatures + idsPerStep(layout);
  const isCount = denseEncoding === "int32-log1p";
  const floats = new Float32Array(1);
  const bits = new Int32Array(floats.buffer);
  const wrong = (split: ImportSplit, row: number, what: string, found: number, expected: string): DataError =>
    new DataError(`Row ${row} of ${split}: ${what} is ${found}, expected ${expected}.`, {
      fix: "Repair the file that is imported.",
      details: { split, row, found, expected },
    });
  return (words: Int32Array, split: ImportSplit, firstRow: number): number => {
    let positives = 0;
    for (let at = 0, row = firstRow; at < words.length; at += stride, row++) {
      const label = words[at];
      if (label !== 0 && label !== 1) throw wrong(split, row, "the label", label, "0 or 1");
      positives += label;
      for (let from = at + 1; from < at + stride; from += step) {
        for (let f = 0; f < denseFeatures; f++) {
          bits[0] = words[from + f];
          if (isCount ? bits[0] >= 0 : Number.isFinite(floats[0])) continue;
          const expected = isCount ? "0 or more" : "a finite number";
          throw wrong(split, row, `dense value ${f + 1}`, isCount ? bits[0] : floats[0], expected);
        }
        for (let i = 0, word = from + denseFeatures; i < limits.length; i++, word++) {
          const id = words[word];
          if (id < noRow || id >= limits[i])
            throw wrong(split, row, `the id of '${names[i]}'`, id, `below ${limits[i]}`);
        }
      }
    }
    return positives;
  };
}

async function sourceOf(path: string): Promise<Manifest["sources"][number]> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return { name: basename(path), bytes: statSync(path).size, sha256: hash.digest("hex") };
}
