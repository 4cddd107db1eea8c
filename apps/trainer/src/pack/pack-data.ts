import { existsSync, statfsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { ConfigError, FaeError, type PreparedData, strideBytes } from "@fae/core";
import { type Manifest, openPrepared, readManifest, writeManifest } from "@fae/datasets";
import { checkProfile, type Profile, readCounts, readProfile } from "@fae/profiler";
import { stopIfAborted } from "../cli/interrupted.js";
import { refuseExisting } from "../train/run-directory.js";
import { openPackWork } from "./pack-work.js";
import { type ReorderedTable, reorderTable } from "./reorder-tables.js";
import { type HotInputs, writeSplits } from "./write-splits.js";

export interface PackOptions {
  /** A prepared data set that is not packed. */
  readonly data: string;
  /** Directory that `profile` wrote, or its `profile.json`. */
  readonly profile: string;
  /** Directory to make. */
  readonly out: string;
  /** Threads; default one a core. Never changes the result. */
  readonly workers?: number;
  readonly signal?: AbortSignal;
  onProgress?(inputsDone: number, inputsTotal: number): void;
}

export interface PackReport {
  readonly directory: string;
  readonly from: string;
  readonly budgetBytes: number;
  readonly rowBytes: number;
  readonly hotRows: readonly number[];
  readonly hotInputs: number;
  readonly coldInputs: number;
  /** Bytes of row files written. */
  readonly bytes: number;
  readonly seconds: number;
}

/**
 * Relabels every table in popularity order, so that hot is `id < hotRows[t]`, and parts the training inputs into purely hot and
 * other ones. Memory: 4 to 8 bytes per row of all tables, whatever the number of inputs. What is interrupted or killed stays in
 * `<out>.partial`, and the same call goes on from there.
 *
 * @throws ConfigError, DataError (a profile of other data, a broken id), FaeError `ERR_DISK_FULL` before anything is written,
 *   FaeError `ERR_INTERRUPTED`
 */
export async function packData(options: PackOptions): Promise<PackReport> {
  const started = performance.now();
  refuseExisting(options.out);
  const data = await openPrepared(options.data);
  const profileDirectory = basename(options.profile) === "profile.json" ? dirname(options.profile) : options.profile;
  const profile = await readProfile(profileDirectory);
  const train = data.splits.train?.rows ?? 0;
  expectPackable(data, profile, train);
  requireSpace(data, options.out);
  const work = await openPackWork(options.out, { from: data.digest, profile });
  try {
    stopIfAborted(options.signal, "Packing");
    const manifest = await readManifest(data.directory);
    const counts = await readCounts(profileDirectory);
    const tables: ReorderedTable[] = [];
    for (const [t, table] of manifest.tables.entries()) {
      tables.push(reorderTable(data.directory, work.root, table, counts[t]));
      stopIfAborted(options.signal, "Packing");
    }
    const hot = await writeSplits({
      data,
      profile,
      newIds: tables.map(({ newIds }) => newIds),
      work,
      workers: options.workers ?? availableParallelism(),
      signal: options.signal,
      onProgress: options.onProgress,
    });
    writeManifest(work.root, packedManifest(manifest, data, profile, tables, hot));
    work.publish();
    return {
      directory: resolve(options.out),
      from: data.digest,
      budgetBytes: profile.budgetBytes,
      rowBytes: profile.row.bytes,
      hotRows: profile.hotSet.hotRows,
      hotInputs: hot.inputs,
      coldInputs: train - hot.inputs,
      bytes: rowFileBytes(data),
      seconds: (performance.now() - started) / 1000,
    };
  } catch (error) {
    // Broken data stay broken: nothing is worth keeping. Whatever else stopped the work may be over at the next call.
    if (error instanceof FaeError && error.code === "ERR_DATA") work.discard();
    if (error instanceof FaeError && error.code === "ERR_INTERRUPTED") throw interruptedPack(work.root);
    throw error;
  }
}

const interruptedPack = (root: string): FaeError =>
  new FaeError("ERR_INTERRUPTED", "Packing was interrupted.", {
    fix: `Repeat the call to go on from '${root}', or delete that directory.`,
    details: { path: root },
  });

function expectPackable(data: PreparedData, profile: Profile, trainInputs: number): void {
  if (data.packed !== null)
    throw new ConfigError(`'${data.directory}' is packed already, for ${data.packed.budgetBytes} bytes.`, {
      fix: "Pack the data set that it was made from.",
      details: { path: data.directory },
    });
  checkProfile(profile, data);
  if (trainInputs === 0)
    throw new ConfigError(`'${data.directory}' has no training inputs to pack.`, {
      fix: "Prepare it with a training split.",
      details: { path: data.directory },
    });
}

const rowFileBytes = ({ layout, splits }: PreparedData): number =>
  strideBytes(layout) * (2 * (splits.train?.rows ?? 0) + (splits.val?.rows ?? 0) + (splits.test?.rows ?? 0));

function requireSpace(data: PreparedData, out: string): void {
  const tableBytes = data.tables.reduce((sum, { rows }) => sum + 8 * rows, 0);
  const needBytes = rowFileBytes(data) + tableBytes;
  const { bavail, bsize } = statfsSync(nearestDirectory(resolve(out)));
  if (needBytes <= bavail * bsize) return;
  throw new FaeError(
    "ERR_DISK_FULL",
    `The pack needs ${needBytes} bytes, the disk of '${out}' has ${bavail * bsize} free.`,
    {
      fix: "Free space or choose a directory on another disk.",
      details: { path: out, needBytes, freeBytes: bavail * bsize },
    },
  );
}

/** The directory itself, or the closest one above it that exists: its disk is the one that will be written. */
function nearestDirectory(path: string): string {
  let at = path;
  while (!existsSync(at)) at = dirname(at);
  return at;
}

function packedManifest(
  manifest: Manifest,
  data: PreparedData,
  profile: Profile,
  tables: readonly ReorderedTable[],
  hot: HotInputs,
): Manifest {
  const { train } = manifest.splits;
  const heldOut = Object.fromEntries(
    (["val", "test"] as const).flatMap((split) => {
      const found = manifest.splits[split];
      return found ? [[split, { ...found, file: `${split}.rows` }]] : [];
    }),
  );
  return {
    ...manifest,
    splits: {
      ...(train && {
        train: { ...train, file: "train.rows" },
        hot: { file: "hot.rows", rows: hot.inputs, positives: hot.positives },
        cold: { file: "cold.rows", rows: train.rows - hot.inputs, positives: train.positives - hot.positives },
      }),
      ...heldOut,
    },
    packed: {
      from: data.digest,
      hotRows: [...profile.hotSet.hotRows],
      budgetBytes: profile.budgetBytes,
      rowBytes: profile.row.bytes,
      originalIds: tables.map(({ originalIdsFile }) => originalIdsFile),
    },
  };
}
