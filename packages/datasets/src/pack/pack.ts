import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { checkOptions as checkCall, FaeError, type PreparedData } from "@fae/core";
import { packKinds } from "../call-kinds.js";
import { withIds } from "../id-mapping.js";
import { type Manifest, manifestName, manifestVersion, writeManifest } from "../manifest.js";
import { openPrepared, readManifest } from "../open-prepared.js";
import { diskFull } from "../prepare/disk.js";
import { openPool } from "../prepare/pool.js";
import { discard, openWork, publish } from "../prepare/work.js";
import { verifyPrepared } from "../verify-prepared.js";
import { checkOptions } from "./check-options.js";
import { newFlusher } from "./flusher.js";
import type { PackCall, PackOptions } from "./options.js";
import { packInputs } from "./pack-inputs.js";
import { packOriginals } from "./pack-originals.js";
import type { RankedTable } from "./rank-rows.js";
import { rankTables } from "./rank-tables.js";
import { packedBytes, requirePackSpace } from "./space.js";
import type { PackRun } from "./units.js";

/**
 * Writes a data set anew with ids in popularity order, so that hot is `id < hotRows[table]`: all splits with new ids, with
 * `classes` the inputs of train once more as `train.hot.rows` (every id hot) and `train.cold.rows` (the others, order kept in
 * both), `original[id]` of each table, and vocabularies for the new ids.
 *
 * Memory: the counts, 4 bytes per row of all tables, which become the new ids where they lie; 8 bytes per accessed row of the
 * tables in work; about 3 MiB a worker; the inputs are streamed.
 * The directory appears by one rename when everything is on disk. An interrupted pack goes on where it stopped, with the
 * same bytes.
 *
 * @throws DataError when counts and hot rows are of other data; PlanError when the hot rows exceed the budget;
 *   ConfigError when the directory exists or the data are packed already; FaeError `ERR_DISK_FULL` before anything is
 *   written, `ERR_INTERRUPTED` after an abort.
 */
export async function pack(given: PackOptions): Promise<PreparedData> {
  checkCall<PackOptions>("pack", given, packKinds);
  const options: PackCall = { ...given, classes: given.classes ?? true };
  const { data, classes, signal, workers = availableParallelism(), onProgress } = options;
  const directory = resolve(options.directory);
  const manifest = await readManifest(data.directory);
  checkOptions(options, manifest);
  const bytesTotal = packedBytes(data, manifest, classes);
  requirePackSpace(directory, bytesTotal);
  await using pool = openPool(workers);
  const ranked = await rankTables(pool, data.tables, await options.counts());
  if (signal?.aborted) throw interrupted(directory, false);
  const work = await openWork(directory, planOf(options, ranked));
  let stop = () => {};
  try {
    const flusher = newFlusher();
    const stopped = new Promise<never>((_, reject) => {
      stop = () => reject(interrupted(directory, true));
      signal?.addEventListener("abort", stop, { once: true });
      if (signal?.aborted) stop();
    });
    let bytesDone = 0;
    const add = (bytes: number) => {
      bytesDone += bytes;
      onProgress?.({ bytesDone, bytesTotal });
    };
    const filled = fill(options, manifest, ranked, { work, pool, flusher, written: [], add });
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
    work.release();
  }
  return openPrepared(directory);
}

async function fill(
  options: PackCall,
  manifest: Manifest,
  ranked: readonly RankedTable[],
  run: PackRun,
): Promise<void> {
  const { data, hotRows } = options;
  const { root } = run.work;
  if (existsSync(join(root, manifestName))) return verifyPrepared(root, options.signal);
  run.add(0);
  const [originals, { splits, hotInputs, hotPositives }] = await Promise.all([
    packOriginals(data.directory, manifest, ranked, run),
    packInputs(options, manifest, ranked, run),
  ]);
  const { tables } = withIds(data.directory, manifest);
  const packed: Manifest = {
    ...manifest,
    version: manifestVersion,
    // Files of groups are in the order of the rows before.
    ...(manifest.schema && { schema: { ...manifest.schema, groups: null } }),
    tables: tables.map((table, t) => ({ ...table, vocabulary: originals.vocabularies[t] })),
    splits,
    lines: { ...manifest.lines, file: null },
    // Two packs of the same data are different data when their orders or hot rows differ: the digest covers options.
    options: { ...manifest.options, packedOrders: originals.sha256, packedHotRows: [...hotRows] },
    packed: {
      from: data.digest,
      hotRows: [...hotRows],
      budgetBytes: options.budgetBytes,
      rowBytes: options.rowBytes,
      hotInputs,
      hotPositives,
      originalIds: originals.files,
    },
  };
  writeManifest(root, packed, run.written);
}

/** Everything that the bytes of the packed data set depend on. */
const planOf = (
  { data, directory, classes, hotRows, budgetBytes, rowBytes }: PackCall,
  ranked: readonly RankedTable[],
) => ({
  version: manifestVersion,
  directory: resolve(directory),
  pack: data.digest,
  classes,
  hotRows,
  budgetBytes,
  rowBytes,
  orders: ranked.map(({ sha256 }) => sha256),
});

const interrupted = (directory: string, hasBegun: boolean): FaeError =>
  new FaeError("ERR_INTERRUPTED", `Packing to '${directory}' was interrupted.`, {
    fix: hasBegun
      ? `Repeat the call to go on from '${directory}.partial', or delete that directory.`
      : "Nothing was written; repeat the call.",
    details: { path: `${directory}.partial` },
  });
