import { basename, dirname } from "node:path";
import type { PreparedData } from "@fae/core";
import { openPrepared, type PackProgress, pack, readManifest } from "@fae/datasets";
import { readCounts, readProfile } from "@fae/profiler";

export interface PackDataOptions {
  /** A prepared data set that is not packed. */
  readonly data: string;
  /** Directory that `profile` wrote, or its `profile.json`. */
  readonly profile: string;
  /** Directory to make. */
  readonly out: string;
  /** Threads; default one a core. Never changes the result. */
  readonly workers?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PackProgress) => void;
}

export interface PackReport {
  readonly directory: string;
  /** Digest of the data set that was packed. */
  readonly from: string;
  readonly budgetBytes: number;
  readonly rowBytes: number;
  readonly hotRows: readonly number[];
  readonly hotInputs: number;
  readonly coldInputs: number;
  /** Share of the hot and of the cold inputs with label 1; null of a class without inputs. */
  readonly labelRates: { readonly hot: number | null; readonly cold: number | null };
  readonly seconds: number;
}

/**
 * Packs a data set by its profile: tables in popularity order, the hot set of the profile, inputs parted into hot and cold.
 * Memory: 4 bytes per row of all tables, and what `pack` of the datasets package says. Resumes and fails as it does.
 * @throws DataError when the profile is missing, damaged or of other data
 */
export async function packData(options: PackDataOptions): Promise<PackReport> {
  const started = performance.now();
  const data = await openPrepared(options.data);
  const profileDirectory = basename(options.profile) === "profile.json" ? dirname(options.profile) : options.profile;
  const profile = await readProfile(profileDirectory);
  const { hotRows } = profile.hotSet;
  const packed = await pack({
    data,
    directory: options.out,
    counts: () => readCounts(profileDirectory),
    madeFrom: profile.data.digest,
    hotRows,
    budgetBytes: profile.budgetBytes,
    rowBytes: profile.row.bytes,
    ...(options.workers !== undefined && { workers: options.workers }),
    ...(options.signal && { signal: options.signal }),
    ...(options.onProgress && { onProgress: options.onProgress }),
  });
  const { splits } = await readManifest(packed.directory);
  return {
    directory: packed.directory,
    from: data.digest,
    budgetBytes: profile.budgetBytes,
    rowBytes: profile.row.bytes,
    hotRows,
    hotInputs: inputsOf(packed, "hot"),
    coldInputs: inputsOf(packed, "cold"),
    labelRates: { hot: labelRate(splits.hot), cold: labelRate(splits.cold) },
    seconds: (performance.now() - started) / 1000,
  };
}

const labelRate = (split: { readonly rows: number; readonly positives: number } | undefined): number | null =>
  split === undefined || split.rows === 0 ? null : split.positives / split.rows;

const inputsOf = ({ splits }: PreparedData, split: "hot" | "cold"): number => splits[split]?.rows ?? 0;
