import type { PreparedData } from "@fae/core";
import type { Profile } from "@fae/profiler";
import type { Bench } from "../scenario.js";
import { headOf } from "./head.js";
import { packedFor } from "./pack.js";
import type { Workload } from "./workloads.js";

/** A packed data set to train on for a while, with the hot rows of its whole log. */
export interface TimedSet {
  readonly workload: Workload;
  /** Packed; its training split is what one run trains on. */
  readonly data: PreparedData;
  readonly profile: Profile;
  /** Share of its training inputs that are hot. */
  readonly hotInputShare: number;
}

/** Batches of one timed run: long enough for its switches and its look-ahead to settle. */
export const timedBatches = ({ size, engine }: Pick<Bench, "size" | "engine">): number =>
  size === "tiny" ? 6 : size === "quick" ? 16 : engine.name === "cuda" ? 3000 : 200;

export interface SetSizes {
  /** Training inputs; default: those of a timed run. */
  readonly train?: number;
  /** Inputs that the trainer scores after each run. */
  readonly heldOut?: number;
}

/** Packs a workload's data under its budget and cuts the head that a run trains on. */
export async function timedSet(bench: Bench, workload: Workload, sizes: SetSizes = {}): Promise<TimedSet> {
  const { data: packed, profile } = await packedFor(bench, workload.data, workload.hot);
  const train = sizes.train ?? timedBatches(bench) * workload.batch;
  const heldOut = sizes.heldOut ?? Math.max(64, Math.ceil(train / 50));
  const data = await headOf(bench, packed, { train, val: heldOut, test: heldOut });
  const inputs = data.splits.train?.rows ?? 0;
  return { workload, data, profile, hotInputShare: inputs === 0 ? 0 : (data.packed?.hotInputs ?? 0) / inputs };
}

/**
 * The sets of workloads that are measured one after the other, all made before the first is measured: what making them takes is
 * then no workload's own share of the time.
 */
export async function timedSets(bench: Bench, workloads: readonly Workload[], sizes?: SetSizes): Promise<TimedSet[]> {
  const sets: TimedSet[] = [];
  for (const workload of workloads) sets.push(await timedSet(bench, workload, sizes));
  return sets;
}
