import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { DataError, type PreparedData, strideBytes } from "@fae/core";
import type { Manifest } from "../manifest.js";
import type { PackCall } from "./options.js";
import type { RankedTable } from "./rank-rows.js";
import type { RelabelReport } from "./relabel.js";
import { type PackRun, runUnit } from "./units.js";

/** Splits whose inputs get new ids. */
const rewritten = ["train", "val", "test"] as const;

/** Inputs of a split that one task rewrites. */
interface Part {
  readonly split: (typeof rewritten)[number];
  readonly path: string;
  readonly first: number;
  readonly end: number;
  readonly bytes: number;
}

const files = {
  train: "train.rows",
  val: "val.rows",
  test: "test.rows",
  hot: "train.hot.rows",
  cold: "train.cold.rows",
};

/** The splits of the manifest; inputs of train whose ids are all hot, and the positive ones among them. */
export interface PackedInputs {
  readonly splits: Manifest["splits"];
  readonly hotInputs: number;
  readonly hotPositives: number;
}

/**
 * Rewrites all splits with new ids, part by part, and with `classes` the parts of train once more as hot and cold: as soon as the
 * parts before have told how many hot inputs they hold, so that the files are written at the same time.
 */
export async function packInputs(
  { data, hotRows, partBytes, classes }: PackCall,
  manifest: Manifest,
  ranked: readonly RankedTable[],
  run: PackRun,
): Promise<PackedInputs> {
  const { layout } = data;
  const path = (kind: keyof typeof files) => join(run.work.root, files[kind]);
  const written = [...rewritten, ...(classes ? (["hot", "cold"] as const) : [])];
  for (const kind of written) closeSync(openSync(path(kind), "a"));
  const tableNames = data.tables.map(({ name }) => name);
  const newIds = ranked.map((table) => table.newIds);
  const parts = partsOf(data, partBytes);
  const reports: RelabelReport[] = [];
  let hotBefore = Promise.resolve(0);

  const relabelPart = ({ split, path: from, first, end, bytes }: Part) =>
    runUnit(run, {
      record: `rows-${split}-${first}-${end}`,
      task: "packRows",
      bytes,
      writes: [path(split)],
      input: { from, to: path(split), layout, tableNames, first, end, newIds, hotRows },
    });
  const classPart = ({ first, end, bytes }: Part, before: number) =>
    runUnit(run, {
      record: `classes-${first}-${end}`,
      task: "packClasses",
      bytes,
      writes: [path("hot"), path("cold")],
      input: {
        from: path("train"),
        hot: path("hot"),
        cold: path("cold"),
        layout,
        first,
        end,
        hotRows,
        hotBefore: before,
      },
    });
  let next = 0;
  const takeParts = async () => {
    while (next < parts.length) {
      const i = next++;
      const part = parts[i];
      const relabelled = relabelPart(part);
      const before = hotBefore;
      if (part.split === "train") {
        hotBefore = Promise.all([before, relabelled]).then(([sum, { hot }]) => sum + hot);
        // Told by the part itself.
        hotBefore.catch(() => {});
      }
      reports[i] = await relabelled;
      if (part.split === "train" && classes) await classPart(part, await before);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, run.pool.threads) }, takeParts));
  checkPositives(data, manifest, parts, reports);

  const { train } = manifest.splits;
  const kept = (split: (typeof rewritten)[number]) => {
    const found = manifest.splits[split];
    return found === undefined ? {} : { [split]: { ...found, file: files[split] } };
  };
  const hotPositives = reports.reduce(
    (sum, report, i) => sum + (parts[i].split === "train" ? report.hotPositives : 0),
    0,
  );
  const hotInputs = await hotBefore;
  const splits = {
    ...kept("train"),
    ...kept("val"),
    ...kept("test"),
    ...(train &&
      classes && {
        hot: { file: files.hot, rows: hotInputs, positives: hotPositives },
        cold: { file: files.cold, rows: train.rows - hotInputs, positives: train.positives - hotPositives },
      }),
  };
  return { splits, hotInputs, hotPositives };
}

/** Small, so that all threads have some of a short log. */
const usualPartBytes = 16 * 1024 * 1024;

function partsOf({ layout, splits }: PreparedData, partBytes = usualPartBytes): Part[] {
  const stride = strideBytes(layout);
  const step = Math.max(1, Math.floor(partBytes / stride));
  return rewritten.flatMap((split) => {
    const { path, rows } = splits[split] ?? { path: "", rows: 0 };
    return Array.from({ length: Math.ceil(rows / step) }, (_, i) => {
      const [first, end] = [i * step, Math.min((i + 1) * step, rows)];
      return { split, path, first, end, bytes: (end - first) * stride };
    });
  });
}

/** The labels that were read against the manifest: rows that were changed behind its back are found here. */
function checkPositives(
  data: PreparedData,
  { splits }: Manifest,
  parts: readonly Part[],
  reports: readonly RelabelReport[],
): void {
  for (const split of rewritten) {
    const expected = splits[split]?.positives ?? 0;
    const found = parts.reduce((sum, part, i) => sum + (part.split === split ? reports[i].positives : 0), 0);
    if (found !== expected)
      throw new DataError(
        `Split ${split} of '${data.directory}' has ${found} positive inputs, its manifest says ${expected}.`,
        {
          fix: "The data set is damaged: prepare it again.",
          details: { path: data.directory, split, found, expected },
        },
      );
  }
}
