import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join, resolve } from "node:path";
import { DataError, FaeError, type PreparedData } from "@fae/core";
import { type Manifest, manifestName, manifestVersion, writeManifest } from "../manifest.js";
import { openPrepared, readManifest } from "../open-prepared.js";
import { diskFull } from "../prepare/disk.js";
import { bytesOf, openSink } from "../prepare/files.js";
import { openPool } from "../prepare/pool.js";
import { readRecord, writeRecord } from "../prepare/records.js";
import { discard, openWork, publish, unlock } from "../prepare/work.js";
import { checkOptions } from "./check-options.js";
import { newFlusher } from "./flusher.js";
import { inverseOrders } from "./inverse-orders.js";
import type { PackOptions } from "./options.js";
import type { RelabelReport } from "./relabel.js";
import { packedBytes, requirePackSpace } from "./space.js";
import { type PackRun, type RowUnit, rewritten, rowUnits, runUnits } from "./units.js";

/**
 * Writes a data set anew with ids in popularity order, so that hot is `id < hotRows[table]`: all splits with new ids, the
 * inputs of train once more as `train.hot.rows` (every id hot) and `train.cold.rows` (the others, order kept in both),
 * `original[id]` of each table, and vocabularies for the new ids.
 *
 * Memory: the orders and their inverses, 8 bytes per row of all tables, and about 3 MiB a worker; the inputs are streamed.
 * The directory appears by one rename when everything is on disk. An interrupted pack goes on where it stopped, with the
 * same bytes.
 *
 * @throws DataError when orders and hot rows are of other data or no orders; PlanError when the hot rows exceed the budget;
 *   ConfigError when the directory exists or the data are packed already; FaeError `ERR_DISK_FULL` before anything is
 *   written, `ERR_INTERRUPTED` after an abort.
 */
export async function pack(options: PackOptions): Promise<PreparedData> {
  const { data, signal, workers = availableParallelism() } = options;
  const directory = resolve(options.directory);
  const manifest = await readManifest(data.directory);
  checkOptions(options, manifest);
  requirePackSpace(directory, packedBytes(data, manifest));
  const newIds = inverseOrders(data.tables, options.orders);
  const orderDigest = digestOf(options.orders);
  if (signal?.aborted) throw interrupted(directory, false);
  const work = openWork(directory, planOf(options, orderDigest));
  let stop = () => {};
  try {
    const pool = openPool(workers);
    const flusher = newFlusher();
    const stopped = new Promise<never>((_, reject) => {
      stop = () => reject(interrupted(directory, true));
      signal?.addEventListener("abort", stop, { once: true });
    });
    const filled = fill(options, manifest, { work, pool, flusher, newIds, orderDigest });
    await Promise.race([filled, stopped]).finally(async () => {
      await pool[Symbol.asyncDispose]();
      await filled.catch(() => {});
      await flusher.end().catch(() => {});
    });
    await flusher.end();
    publish(work, directory);
  } catch (error) {
    const known = diskFull(error, work.root) ?? error;
    if (known instanceof FaeError && known.code === "ERR_DATA") discard(work.root);
    throw known;
  } finally {
    signal?.removeEventListener("abort", stop);
    unlock(work.work);
  }
  return openPrepared(directory);
}

async function fill(options: PackOptions, manifest: Manifest, run: PackRun): Promise<void> {
  const { data, hotRows } = options;
  const { root } = run.work;
  if (existsSync(join(root, manifestName))) return;
  const vocabularies = await packOrders(options, manifest, run);
  const files = {
    train: "train.rows",
    val: "val.rows",
    test: "test.rows",
    hot: "train.hot.rows",
    cold: "train.cold.rows",
  };
  for (const file of Object.values(files)) closeSync(openSync(join(root, file), "a"));
  const tableNames = data.tables.map(({ name }) => name);
  const units = rowUnits(data, options.partBytes);
  const reports: RelabelReport[] = await runUnits(
    run,
    options,
    "rows",
    units.map(({ split, path, first, end, bytes }) => ({
      record: `rows-${split}-${first}-${end}`,
      task: "packRows",
      bytes,
      writes: [join(root, files[split])],
      input: {
        from: path,
        to: join(root, files[split]),
        layout: data.layout,
        tableNames,
        first,
        end,
        newIds: run.newIds,
        hotRows,
      },
    })),
  );
  checkPositives(data, manifest, units, reports);
  let [hot, hotPositives] = [0, 0];
  const classes = units.flatMap(({ split, first, end, bytes }, i) => {
    if (split !== "train") return [];
    const hotBefore = hot;
    hot += reports[i].hot;
    hotPositives += reports[i].hotPositives;
    const paths = { from: join(root, files.train), hot: join(root, files.hot), cold: join(root, files.cold) };
    const input = { ...paths, layout: data.layout, first, end, hotRows, hotBefore };
    const writes = [paths.hot, paths.cold];
    return [{ record: `classes-${first}-${end}`, task: "packClasses" as const, bytes, writes, input }];
  });
  await runUnits(run, options, "classes", classes);
  const train = manifest.splits.train;
  const kept = (split: (typeof rewritten)[number]) => {
    const found = manifest.splits[split];
    return found === undefined ? {} : { [split]: { ...found, file: files[split] } };
  };
  writeManifest(root, {
    ...manifest,
    tables: manifest.tables.map((table, t) => ({ ...table, vocabulary: vocabularies[t] })),
    splits: {
      ...kept("train"),
      ...kept("val"),
      ...kept("test"),
      ...(train && {
        hot: { file: files.hot, rows: hot, positives: hotPositives },
        cold: { file: files.cold, rows: train.rows - hot, positives: train.positives - hotPositives },
      }),
    },
    lines: { ...manifest.lines, file: null },
    // Two packs of the same data are different data when their orders or hot rows differ: the digest covers options.
    options: { ...manifest.options, packedOrders: run.orderDigest, packedHotRows: [...hotRows] },
    packed: {
      from: data.digest,
      hotRows: [...hotRows],
      budgetBytes: options.budgetBytes,
      rowBytes: options.rowBytes,
      originalIds: data.tables.map((_, t) => orderFile(t)),
    },
  });
}

/** The labels that were read against the manifest: rows that were changed behind its back are found here. */
function checkPositives(
  data: PreparedData,
  { splits }: Manifest,
  units: readonly RowUnit[],
  reports: readonly RelabelReport[],
): void {
  for (const split of rewritten) {
    const expected = splits[split]?.positives ?? 0;
    const found = units.reduce((sum, unit, i) => sum + (unit.split === split ? reports[i].positives : 0), 0);
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

const orderFile = (table: number): string => `original-ids/${table}.u32`;

/** Writes original ids and the vocabularies that follow them. Returns the vocabularies for the manifest. */
async function packOrders(
  options: PackOptions,
  manifest: Manifest,
  run: PackRun,
): Promise<Manifest["tables"][number]["vocabulary"][]> {
  const { root, work } = run.work;
  mkdirSync(join(root, "original-ids"), { recursive: true });
  mkdirSync(join(root, "vocab"), { recursive: true });
  options.orders.forEach((order, t) => {
    if (readRecord(work, `order-${t}`) !== null) return;
    const sink = openSink(join(root, orderFile(t)), 0);
    sink.write(bytesOf(order));
    sink.close();
    writeRecord(work, `order-${t}`, {});
  });
  const vocabularies = manifest.tables.map(({ vocabulary }) =>
    vocabulary === null ? null : { ...vocabulary, file: `vocab/${basename(vocabulary.file)}` },
  );
  const jobs = manifest.tables.flatMap(({ rows, vocabulary }, t) => {
    const to = vocabularies[t];
    if (vocabulary === null || to === null) return [];
    const input = {
      from: join(options.data.directory, vocabulary.file),
      to: join(root, to.file),
      order: join(root, orderFile(t)),
      rows,
    };
    return [{ record: `vocabulary-${t}`, task: "packVocabulary" as const, bytes: 4 * rows, writes: [input.to], input }];
  });
  await runUnits(run, options, "orders", jobs);
  return vocabularies;
}

/** Everything that the bytes of the packed data set depend on. */
const planOf = ({ data, hotRows, budgetBytes, rowBytes }: PackOptions, orders: string) => ({
  version: manifestVersion,
  pack: data.digest,
  hotRows,
  budgetBytes,
  rowBytes,
  orders,
});

function digestOf(orders: readonly Uint32Array[]): string {
  const hash = createHash("sha256");
  for (const order of orders) hash.update(bytesOf(order));
  return hash.digest("hex");
}

const interrupted = (directory: string, hasBegun: boolean): FaeError =>
  new FaeError("ERR_INTERRUPTED", `Packing to '${directory}' was interrupted.`, {
    fix: hasBegun
      ? `Repeat the call to go on from '${directory}.partial', or delete that directory.`
      : "Nothing was written; repeat the call.",
    details: { path: `${directory}.partial` },
  });
