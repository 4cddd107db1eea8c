import { existsSync } from "node:fs";
import { type PreparedData, rowStateValues } from "@fae/core";
import {
  type CountLookup,
  checkProfile,
  hotRowBits,
  isHotRow,
  openCounts,
  type Profile,
  readCounts,
  readProfile,
  usualSmallTableBytes,
} from "@fae/profiler";
import type { TrainOptions } from "../train/options.js";
import { sampleHotSet } from "./quick-sample.js";

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
  /** Closes files. */
  close(): void;
}

type HotOptions = Pick<TrainOptions, "budgetBytes" | "profile" | "optimizer">;

const usualBudgetBytes = 256 * 2 ** 20;
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
  if (found && fits) return profileFigures(directory, found);
  const rowBytes = 4 * (width + stateValues);
  const smallTableBytes = found?.smallTableBytes ?? usualSmallTableBytes;
  const { hotSet, ...sampled } = sampleHotSet(data, { rowBytes, budgetBytes, smallTableBytes }, signal);
  return { from: "sample", hotRows: hotSet.hotRows, budgetBytes, ...sampled, close() {} };
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
    close() {},
  };
}

/** Above this the counts of a profile are not read whole, but those of the rows that are asked for. */
const wholeBytes = 2 ** 28;

async function profileFigures(directory: string, made: Profile): Promise<HotFigures> {
  const { hotSet, budgetBytes, tables } = made;
  const isSmall = tables.reduce((sum, { rows }) => sum + 4 * rows, 0) <= wholeBytes;
  return {
    from: "profile",
    hotRows: hotSet.hotRows,
    budgetBytes,
    inputShare: hotSet.hotInputShare,
    ...(isSmall ? whole(hotSet, await readCounts(directory)) : single(hotSet, openCounts(directory, made))),
  };
}

type HotRows = Pick<HotFigures, "isHot" | "close">;

function whole(hotSet: Profile["hotSet"], counts: readonly Uint32Array[]): HotRows {
  const bits = counts.map((table, t) => (hotSet.whole[t] ? null : hotRowBits(table, hotSet, t)));
  return {
    isHot(table, id) {
      const of = bits[table];
      return of === null || ((of[id >>> 5] >>> (id & 31)) & 1) === 1;
    },
    close() {},
  };
}

export const single = (hotSet: Profile["hotSet"], counts: CountLookup): HotRows => ({
  isHot: (table, id) => hotSet.whole[table] || isHotRow(counts.count(table, id), hotSet, table, id),
  close: counts.close,
});
