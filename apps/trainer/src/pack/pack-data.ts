import { basename, dirname } from "node:path";
import { checkOptions, is, type Shape } from "@fae/core";
import { type PackProgress, pack, readManifest } from "@fae/datasets";
import { checkProfile, readCounts, readProfile } from "@fae/profiler";
import { openData } from "../train/model-state.js";

export interface PackDataOptions {
  /** A prepared data set that is not packed. */
  readonly data: string;
  /** Directory that `profile` wrote, or its `profile.json`; of the same ids, of these or of other inputs. */
  readonly profile: string;
  /** Directory to make. */
  readonly out: string;
  /** Whether hot and cold inputs are written apart too, which only `fae` reads; default true. Little more than half the disk without. */
  readonly classes?: boolean;
  /** Threads; default one a core. Never changes the result. */
  readonly workers?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PackProgress) => void;
}

const kinds: Shape<PackDataOptions> = {
  data: is.text,
  profile: is.text,
  out: is.text,
  classes: is.maybe(is.flag),
  workers: is.maybe(is.whole(1, 1024)),
  signal: is.maybe(is.signal),
  onProgress: is.maybe(is.call),
};

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
  checkOptions("packData", options, kinds);
  const started = performance.now();
  const data = await openData(options.data);
  const profileDirectory = basename(options.profile) === "profile.json" ? dirname(options.profile) : options.profile;
  const profile = await readProfile(profileDirectory);
  checkProfile(profile, data);
  const { hotRows } = profile.hotSet;
  const packed = await pack({
    data,
    directory: options.out,
    counts: () => readCounts(profileDirectory),
    madeFrom: data.digest,
    hotRows,
    budgetBytes: profile.budgetBytes,
    rowBytes: profile.row.bytes,
    ...(options.classes !== undefined && { classes: options.classes }),
    ...(options.workers !== undefined && { workers: options.workers }),
    ...(options.signal && { signal: options.signal }),
    ...(options.onProgress && { onProgress: options.onProgress }),
  });
  const manifest = await readManifest(packed.directory);
  const { rows = 0, positives = 0 } = manifest.splits.train ?? {};
  const { hotInputs = 0, hotPositives = 0 } = manifest.packed ?? {};
  return {
    directory: packed.directory,
    from: data.digest,
    budgetBytes: profile.budgetBytes,
    rowBytes: profile.row.bytes,
    hotRows,
    hotInputs,
    coldInputs: rows - hotInputs,
    labelRates: {
      hot: labelRate(hotInputs, hotPositives),
      cold: labelRate(rows - hotInputs, positives - hotPositives),
    },
    seconds: (performance.now() - started) / 1000,
  };
}

const labelRate = (inputs: number, positives: number): number | null => (inputs === 0 ? null : positives / inputs);
