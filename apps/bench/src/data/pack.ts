import { join } from "node:path";
import type { PreparedData } from "@fae/core";
import { openPrepared, pack } from "@fae/datasets";
import { type Profile, type ProfileResult, profile, readProfile, writeProfile } from "@fae/profiler";
import type { Bench } from "../scenario.js";
import { cached } from "./cache.js";

/** How hot rows are chosen. */
export interface HotSpec {
  /** D. */
  readonly width: number;
  /** Optimizer state per row, in values. */
  readonly stateValues: number;
  readonly budgetBytes: number;
  readonly smallTableBytes: number;
}

export interface Packed {
  readonly data: PreparedData;
  readonly profile: Profile;
}

const packedName = "packed";
const profileName = "profile";

/** Profiles a data set exactly and packs it, once per cache. A data set that is packed already keeps its own hot rows. */
export async function packedFor(bench: Bench, data: PreparedData, spec: HotSpec): Promise<Packed> {
  const name = `${data.source}-packed-${Math.round(spec.budgetBytes / 1024)}KiB`;
  const key = { from: data.digest, packed: data.packed, ...spec };
  const directory = await cached(bench, name, key, async (target) => {
    const made = await profileOf(bench, data, spec);
    await writeProfile(join(target, profileName), made);
    if (!data.packed) await packWith(bench, data, made, join(target, packedName));
  });
  return {
    data: data.packed ? data : await openPrepared(join(directory, packedName)),
    profile: await readProfile(join(directory, profileName)),
  };
}

/** Every input counted, the budget filled. */
export const profileOf = (bench: Bench, data: PreparedData, spec: HotSpec): Promise<ProfileResult> =>
  profile({ data, ...spec, method: "exact", signal: bench.signal });

/** Packs a data set for the hot set of a profile, whose counts it overwrites. */
export async function packWith(
  bench: Bench,
  data: PreparedData,
  { profile: made, counts }: ProfileResult,
  directory: string,
): Promise<PreparedData> {
  return pack({
    data,
    counts: async () => counts,
    hotRows: made.hotSet.hotRows,
    madeFrom: made.data.digest,
    budgetBytes: made.budgetBytes,
    rowBytes: made.row.bytes,
    directory,
    signal: bench.signal,
  });
}
