import { rmSync } from "node:fs";
import { join } from "node:path";
import { DataError, type RowLayout } from "@fae/core";
import { mapSlices, numberTables } from "../numbering.js";
import { type PartRecord, partName, partPath } from "../part.js";
import type { DataPart } from "../row-log.js";
import type { Settings } from "../settings.js";
import { assembleSplit, createRows, shuffleBlockRows } from "../split-files.js";
import { type Job, type Run, runJobs } from "../stages.js";
import { actionWords } from "./actions.js";
import type { PairsReport } from "./pairs.js";
import { seriesWords, steps } from "./series.js";

/** Actions that share a bucket of users, about: what one task holds in memory. */
const bucketActions = 1 << 18;

const layout: RowLayout = { denseFeatures: 1, denseEncoding: "float32", steps, hotness: [1, 1, 1] };

/** Files of the work directory that a series log has besides its parts. */
interface Paths {
  readonly itemCategory: string;
  readonly roles: string;
  readonly pairs: string;
  readonly histories: readonly string[];
}

/** How users are dealt out to tasks. */
interface Buckets {
  readonly users: number;
  readonly bucketUsers: number;
  readonly items: number;
}

/** Makes TBSM's series of a log of user actions: numbers the keys, groups by user, draws, shuffles. */
export async function finishSeriesLog(run: Run, settings: Settings, parts: readonly PartRecord[]): Promise<DataPart> {
  const tables = await numberTables(run, settings, parts, "ascending");
  const [users, items] = tables.map(({ rows }) => rows);
  if (items < 2) {
    throw new DataError(`The log has ${items} distinct items; negative targets need two at least.`, {
      fix: "Give more of the log.",
      details: { found: items, expected: 2 },
    });
  }
  const actions = parts.reduce((n, { kept }) => n + kept, 0);
  const buckets = { users, items, bucketUsers: Math.max(1, Math.ceil((users * bucketActions) / actions)) };
  const paths: Paths = {
    itemCategory: join(run.work, "item-category.i32"),
    roles: join(run.work, "roles.u8"),
    pairs: join(run.work, "pairs.i32"),
    histories: Array.from({ length: Math.ceil(users / buckets.bucketUsers) }, (_, b) =>
      join(run.work, `histories-${b}.i32`),
    ),
  };
  const { report, testers } = await arrange(run, settings, parts, buckets, paths);
  if (report.series.every(({ train }) => train === 0)) {
    throw new DataError("No training user has the 11 actions that a series needs at least.", {
      fix: "Give more of the log.",
      details: { found: 0 },
    });
  }
  const splits = await write(run, settings, buckets, paths, report);
  const rows = splits.train.rows + splits.val.rows + splits.test.rows;
  const positives = splits.train.positives + splits.val.positives + splits.test.positives;
  const reasons = reasonsOf(settings, testers);
  return { layout: { ...layout, hotness: [...layout.hotness] }, tables, splits, labelRate: positives / rows, reasons };
}

function reasonsOf({ series: { usersMultiple, valUsers } }: Settings, testers: number): DataPart["reasons"] {
  const multiple = "Give more of the log, or a smaller usersMultiple (--users-multiple).";
  const test =
    testers === 0
      ? "No user's last action is later than that of 70 % of all users, so nobody tests. Give a log with more different times."
      : `${testers} users have their last action after the split time; they are used in multiples of ${usersMultiple}. ${multiple}`;
  return {
    test,
    val: `It has series of the first ${valUsers} training users with at least 11 actions (--val-users).`,
  };
}

/** Groups the actions by user, settles who trains and who tests, collects what negatives are drawn from. */
async function arrange(
  run: Run,
  { read, series }: Settings,
  parts: readonly PartRecord[],
  { users, items, bucketUsers }: Buckets,
  paths: Paths,
): Promise<{ report: PairsReport; testers: number }> {
  const path = (part: PartRecord, ending: string) => partPath(run.work, part.file, part.part, ending);
  const maps = mapSlices(run.work, parts, 3);
  const scatterPaths = parts.map((part) => path(part, "actions"));
  const sorts = parts.map((part, i): Job<"sortActions"> => {
    const rowsPath = path(part, "rows");
    const rows = {
      path: rowsPath,
      rows: part.rows,
      kept: part.rows,
      keep: null,
      stride: actionWords,
      keysAt: 0,
      maps: maps[i],
    };
    const input = { part: rows, users, bucketUsers, scatterPath: scatterPaths[i], firstsPath: path(part, "firsts") };
    const record = `sort-${partName(part.file, part.part)}`;
    const after = () => rmSync(rowsPath, { force: true });
    return { record, task: "sortActions", input, bytes: part.kept * 4 * actionWords, after };
  });
  await runJobs(run, "arrange", sorts);
  const firsts = parts.map((part, i) => ({ firstsPath: path(part, "firsts"), items: maps[i][1] }));
  const one = <N extends "itemCategories" | "writeRoles" | "collectPairs">(
    task: N,
    input: Job<N>["input"],
    bytes: number,
  ) => runJobs(run, "arrange", [{ record: task, task, input, bytes } satisfies Job<N>]).then(([output]) => output);
  await one("itemCategories", { parts: firsts, items, path: paths.itemCategory }, items * 4);
  const collects = paths.histories.map((to, bucket): Job<"collectHistories"> => {
    const input = { bucket, users, bucketUsers, scatterPaths, path: to };
    return { record: `histories-${bucket}`, task: "collectHistories", input, bytes: bucketActions * 8 };
  });
  await runJobs(run, "arrange", collects);
  const shared = { buckets: paths.histories, users, bucketUsers, seed: read.seed };
  const { testers } = await one("writeRoles", { ...shared, ...series, path: paths.roles }, users);
  const { itemCategory: itemCategoryPath, roles: rolesPath } = paths;
  const pairs = { ...shared, items, itemCategoryPath, rolesPath, perUser: series.perUser, path: paths.pairs };
  const report = await one("collectPairs", pairs, paths.histories.length * bucketActions * 8);
  return { report, testers };
}

type SplitTable = Record<"train" | "val" | "test", { file: string; rows: number; positives: number }>;

/** Draws the series bucket by bucket, then shuffles those of training and validation. */
async function write(
  run: Run,
  { read, series }: Settings,
  { users, items, bucketUsers }: Buckets,
  paths: Paths,
  { pairs, series: counts }: PairsReport,
): Promise<SplitTable> {
  const { itemCategory: itemCategoryPath, roles: rolesPath, pairs: pairsPath } = paths;
  const total = (split: "train" | "val" | "test") => counts.reduce((n, bucket) => n + bucket[split], 0);
  const path = (split: string) => join(run.root, `${split}.rows`);
  const next = { train: 0, val: 0, test: 0 };
  const shuffled = (split: "train" | "val", bucket: number) => {
    const rows = counts[bucket][split];
    const first = next[split];
    next[split] += rows;
    const all = total(split);
    const order = { kind: "permuted", starts: [0, all], seed: read.seed } as const;
    const blockRows = shuffleBlockRows(all, layout);
    return { first, rows, total: all, blockRows, order, path: join(run.work, `${split}-${bucket}.scatter`) };
  };
  for (const split of ["train", "val", "test"] as const) createRows(path(split), total(split) * seriesWords * 4);
  const jobs = paths.histories.map((historiesPath, bucket): Job<"writeSeries"> => {
    const train = shuffled("train", bucket);
    const val = shuffled("val", bucket);
    const test = { first: next.test, rows: counts[bucket].test, path: path("test") };
    next.test += test.rows;
    const data = { historiesPath, itemCategoryPath, rolesPath, pairsPath, users, bucketUsers, items, pairs };
    const input = { ...data, bucket, seed: read.seed, perUser: series.perUser, train, val, test };
    const bytes = (train.rows + val.rows + test.rows) * seriesWords * 4;
    return { record: `series-${bucket}`, task: "writeSeries", input, bytes };
  });
  const written = await runJobs(run, "write", jobs);
  for (const split of ["train", "val"] as const) {
    const rows = total(split);
    const scatterPaths = jobs.map(({ input }) => input[split].path);
    const blockRows = shuffleBlockRows(rows, layout);
    await assembleSplit(run, split, { rows, blockRows, stride: seriesWords, scatterPaths, path: path(split) });
  }
  const positives = (split: number) => written.reduce((n, bucket) => n + bucket.positives[split], 0);
  return {
    train: { file: "train.rows", rows: total("train"), positives: positives(0) },
    val: { file: "val.rows", rows: total("val"), positives: positives(1) },
    test: { file: "test.rows", rows: total("test"), positives: positives(2) },
  };
}
