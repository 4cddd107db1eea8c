import { checkOptions as checkCall, DataError, idDifference, type PreparedData } from "@fae/core";
import { profileKinds } from "./call-kinds.js";
import { compareMethods, describeMeasured } from "./describe.js";
import { measure } from "./measure.js";
import { checkOptions, type ProfileOptions } from "./profile-options.js";
import type { Profile } from "./profile-schema.js";
import { withThreads } from "./threads.js";

export interface ProfileResult {
  readonly profile: Profile;
  /** By table, as the profile's method counted them: what popularity order is made from. */
  readonly counts: readonly Uint32Array[];
}

/**
 * Profiles a data set: counts accesses, chooses the hot set under the budget, judges it and draws the curves.
 *
 * @throws ConfigError for a rate outside (0, 100]; PlanError for a budget that cannot be met; DataError for a split that is
 *   missing or empty, a sample that holds no input, or an id outside its table.
 */
export async function profile(options: ProfileOptions): Promise<ProfileResult> {
  checkCall<ProfileOptions>("profile", options, profileKinds);
  const { method = "exact", compare = false } = options;
  checkOptions(options);
  const [chosen, other] = await withThreads(options.signal, async (threads) => [
    await measure(threads, method, options),
    compare ? await measure(threads, method === "exact" ? "sampled" : "exact", options) : null,
  ]);
  return {
    profile: {
      ...describeMeasured(chosen, options),
      comparison: other === null ? null : await compareMethods(chosen, other, options),
    },
    counts: chosen.counted.counts,
  };
}

/**
 * Whether a profile is of rows that mean the same as those of a data set, packed or not: of the same ids, whatever the inputs; of
 * an older profile, which does not say what its ids mean, of the same data set.
 * @returns null, or how they differ, for a message
 */
export function profileDifference(
  { data: made }: Pick<Profile, "data">,
  { digest, ids, packed }: Pick<PreparedData, "digest" | "ids" | "packed">,
): string | null {
  if (made.ids && ids) return idDifference(made.ids, ids);
  const expected = packed?.from ?? digest;
  return made.digest === expected
    ? null
    : `it was made from data ${made.digest.slice(0, 12)}, this is ${expected.slice(0, 12)}`;
}

/** @throws DataError when a profile was made of other ids, naming the table. */
export function checkProfile(
  made: Pick<Profile, "data">,
  data: Pick<PreparedData, "digest" | "directory" | "ids" | "packed">,
): void {
  const difference = profileDifference(made, data);
  if (difference === null) return;
  throw new DataError(`The profile is not of the ids of '${data.directory}': ${difference}.`, {
    fix: "Profile this data set, or use data with the ids that the profile was made from.",
    details: { path: data.directory, expected: made.data.digest, found: data.digest },
  });
}
