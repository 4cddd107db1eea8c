import { existsSync } from "node:fs";
import { type PreparedData, rowStateValues } from "@fae/core";
import { checkProfile, hotRowBits, type Profile, profile, readCounts, readProfile } from "@fae/profiler";
import type { TrainOptions } from "../train/options.js";

/** Which rows would be hot, and what that is worth. */
export interface HotFigures {
  /** Where it is known from: the pack, a profile, or a quick sample of the inputs. */
  readonly from: "pack" | "profile" | "sample";
  readonly hotRows: readonly number[];
  readonly budgetBytes: number;
  /** Share of the training inputs all of whose rows are hot. */
  readonly inputShare: number;
  /** Whether a row of the data set as it is now is hot. */
  isHot(table: number, id: number): boolean;
}

type HotOptions = Pick<TrainOptions, "budgetBytes" | "profile" | "optimizer" | "seed">;

const usualBudgetBytes = 256 * 2 ** 20;
/** Inputs that a quick sample counts: rows that make a batch hot or not are in it hundreds of times. */
const sampledInputs = 200_000;

/**
 * The hot set of a pack; else of a profile that was made for this budget and these rows; else of a quick sample.
 * @param width D
 * @throws PlanError when the budget is too small for any hot set, DataError when a profile that was named is of other data
 */
export async function hotFigures(
  data: PreparedData,
  width: number,
  options: HotOptions,
  signal?: AbortSignal,
): Promise<HotFigures> {
  const stateValues = rowStateValues(options.optimizer, width);
  const named = options.profile === null ? null : await readProfile(options.profile);
  if (named) checkProfile(named, data);
  if (data.packed) return packFigures(data, data.packed, named);
  const directory = options.profile ?? `${data.directory}-profile`;
  const found = named ?? (existsSync(directory) ? await readProfile(directory) : null);
  const budgetBytes = options.budgetBytes ?? found?.budgetBytes ?? usualBudgetBytes;
  const fits =
    found?.data.digest === data.digest &&
    found.row.bytes === 4 * (width + stateValues) &&
    found.budgetBytes === budgetBytes;
  if (found && fits) return profileFigures("profile", found, await readCounts(directory));
  const ratePercent = (100 * sampledInputs) / Math.max(1, data.splits.train?.rows ?? 0);
  const made = await profile({
    data,
    width,
    stateValues,
    budgetBytes,
    seed: options.seed,
    ...(found && { smallTableBytes: found.smallTableBytes }),
    ...(ratePercent < 100 ? { method: "sampled", ratePercent } : { method: "exact" }),
    ...(signal && { signal }),
  });
  return profileFigures("sample", made.profile, made.counts);
}

/** Ids of a pack are in popularity order: hot is a comparison. */
function packFigures(
  { splits }: PreparedData,
  packed: NonNullable<PreparedData["packed"]>,
  other: Profile | null,
): HotFigures {
  const { hotRows } = other?.hotSet ?? packed;
  const inputs = splits.train?.rows ?? 0;
  return {
    from: other ? "profile" : "pack",
    hotRows,
    budgetBytes: (other ?? packed).budgetBytes,
    inputShare: other?.hotSet.hotInputShare ?? (inputs === 0 ? 0 : packed.hotInputs / inputs),
    isHot: (table, id) => id < hotRows[table],
  };
}

function profileFigures(
  from: "profile" | "sample",
  { hotSet, budgetBytes }: Profile,
  counts: readonly Uint32Array[],
): HotFigures {
  const bits = counts.map((table, t) => (hotSet.whole[t] ? null : hotRowBits(table, hotSet, t)));
  return {
    from,
    hotRows: hotSet.hotRows,
    budgetBytes,
    inputShare: hotSet.hotInputShare,
    isHot(table, id) {
      const of = bits[table];
      return of === null || ((of[id >>> 5] >>> (id & 31)) & 1) === 1;
    },
  };
}
