import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type RowLayout, strideWords } from "@fae/core";
import type { Manifest } from "../manifest.js";
import { mapSlices, numberTables } from "./numbering.js";
import { type PartRecord, partName, partPath } from "./part.js";
import type { PartRows } from "./part-rows.js";
import type { Settings } from "./settings.js";
import { assembleSplit, createRows, shuffleBlockRows } from "./split-files.js";
import { equalDays, fileStarts, mustTrain, type Splits, splitByDays, splitByShare } from "./splits.js";
import { type Job, type Run, runJobs } from "./stages.js";
import type { Target } from "./write-rows.js";

/** What a stage after reading gives to the manifest. */
export type DataPart = Pick<Manifest, "layout" | "tables" | "splits" | "labelRate"> & {
  /** Why a held-out split may have few inputs, and the option that changes it; for warnings. */
  readonly reasons: Readonly<Record<"val" | "test", string>>;
};

/** Numbers the keys and writes the rows of a log in which every line is one input. */
export async function finishRowLog(run: Run, settings: Settings, parts: readonly PartRecord[]): Promise<DataPart> {
  const { format, read } = settings;
  const layout: RowLayout = {
    denseFeatures: format.denseFeatures,
    denseEncoding: "int32-log1p",
    steps: 0,
    hotness: format.tables.map(() => 1),
  };
  const splits = mustTrain(splitsOf(run, settings, parts));
  const tables = read.ids === "hash" ? hashTables(settings) : await numberTables(run, settings, parts, "first");
  const positives = await writeSplits(run, settings, parts, layout, splits, read.ids === "dictionary");
  const rows = { train: splits.testAt, val: splits.rows - splits.valAt, test: splits.valAt - splits.testAt };
  return {
    layout: { ...layout, hotness: [...layout.hotness] },
    tables,
    splits: {
      train: { file: "train.rows", rows: rows.train, positives: positives.train },
      val: { file: "val.rows", rows: rows.val, positives: positives.val },
      test: { file: "test.rows", rows: rows.test, positives: positives.test },
    },
    labelRate: (positives.train + positives.val + positives.test) / splits.rows,
    reasons: reasonsOf(settings, splits),
  };
}

function reasonsOf({ format, days }: Settings, { rows, testAt }: Splits): DataPart["reasons"] {
  const heldOut = rows - testAt;
  const byShare = `the last fifth of the log, ${heldOut} inputs. Give more of the log.`;
  const byFiles = `the last file, ${heldOut} inputs. Give more of it, or cut the log by count (--days).`;
  const byDays = `the last of ${days} days, ${heldOut} inputs. Give fewer days (--days) or more of the log.`;
  const share = format.split === "share" ? byShare : days === null ? byFiles : byDays;
  return { test: `It is the first half of ${share}`, val: `It is the second half of ${share}` };
}

function splitsOf(run: Run, { format, days, files }: Settings, parts: readonly PartRecord[]): Splits {
  const keptAt = (line: number) => keptBefore(run.work, parts, line);
  const lines = parts.reduce((n, { accepted }) => n + accepted, 0);
  if (format.split === "share") return splitByShare(lines, keptAt);
  const starts = days === null ? fileStarts(parts, files.length) : equalDays(lines, days);
  return splitByDays(lines, starts, keptAt);
}

/** Rows that training keeps among the first `line` accepted lines of the log. */
function keptBefore(work: string, parts: readonly PartRecord[], line: number): number {
  let kept = 0;
  let left = line;
  for (const part of parts) {
    if (left < part.accepted) {
      if (part.kept === part.accepted) return kept + left;
      const bits = readFileSync(partPath(work, part.file, part.part, "keep"));
      for (let i = 0; i < left; i++) kept += (bits[i >>> 3] >>> (i & 7)) & 1;
      return kept;
    }
    left -= part.accepted;
    kept += part.kept;
  }
  return kept;
}

/** Which stored rows of a part are rows of the data set. @param trainLines its first lines that are for training, may be any number */
function thinnedPart(work: string, part: PartRecord, trainLines: number): Pick<PartRows, "kept" | "keep"> {
  const { file, accepted, rows } = part;
  const lines = Math.min(accepted, Math.max(0, trainLines));
  if (part.kept === accepted || rows < accepted || lines === 0) return { kept: rows, keep: null };
  const path = partPath(work, file, part.part, "keep");
  return { kept: keptBefore(work, [part], lines) + accepted - lines, keep: { path, rows: lines } };
}

function hashTables({ format, read }: Settings): Manifest["tables"] {
  return format.tables.map(({ name }) => ({ name, rows: read.modulo, vocabulary: null }));
}

async function writeSplits(
  run: Run,
  { format, randomize, read }: Settings,
  parts: readonly PartRecord[],
  layout: RowLayout,
  splits: Splits,
  hasMaps: boolean,
): Promise<Record<"train" | "val" | "test", number>> {
  const stride = strideWords(layout);
  const path = (name: string) => join(run.root, `${name}.rows`);
  const blockRows = shuffleBlockRows(splits.testAt, layout);
  const starts = randomize === "day" ? splits.days : [0, splits.testAt];
  const order = { kind: "permuted", starts, seed: read.seed } as const;
  const scatterPath = (part: PartRecord) => partPath(run.work, part.file, part.part, "scatter");
  const targetsOf = (part: PartRecord): Target[] => [
    {
      path: path("train"),
      from: 0,
      to: splits.testAt,
      shuffle: randomize === "none" ? null : { order, blockRows, path: scatterPath(part) },
    },
    { path: path("test"), from: splits.testAt, to: splits.valAt, shuffle: null },
    { path: path("val"), from: splits.valAt, to: splits.rows, shuffle: null },
  ];
  createRows(path("train"), splits.testAt * stride * 4);
  createRows(path("test"), (splits.valAt - splits.testAt) * stride * 4);
  createRows(path("val"), (splits.rows - splits.valAt) * stride * 4);

  const maps = hasMaps ? mapSlices(run.work, parts, format.tables.length) : parts.map(() => []);
  let firstRow = 0;
  const scattered: string[] = [];
  let firstLine = 0;
  const jobs = parts.map((part, i): Job<"writeRows"> => {
    const rowsPath = partPath(run.work, part.file, part.part, "rows");
    const thinned = thinnedPart(run.work, part, splits.testLine - firstLine);
    const rows = { path: rowsPath, rows: part.rows, ...thinned, stride, keysAt: format.keysAt, maps: maps[i] };
    const input = { part: rows, firstRow, targets: targetsOf(part) };
    if (randomize !== "none" && firstRow < splits.testAt && thinned.kept > 0) scattered.push(scatterPath(part));
    firstRow += thinned.kept;
    firstLine += part.accepted;
    return {
      record: `write-${partName(part.file, part.part)}`,
      task: "writeRows",
      input,
      bytes: thinned.kept * stride * 4,
      after: () => rmSync(rowsPath, { force: true }),
    };
  });
  const written = await runJobs(run, "write", jobs);
  if (randomize !== "none") {
    await assembleSplit(run, "train", {
      rows: splits.testAt,
      blockRows,
      stride,
      scatterPaths: scattered,
      path: path("train"),
    });
  }
  const sum = (target: number) => written.reduce((n, { positives }) => n + positives[target], 0);
  return { train: sum(0), test: sum(1), val: sum(2) };
}
