import { checkOptions as checkCall, DataError, type PreparedData } from "@fae/core";
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

/** @throws DataError when a profile was made from other data. */
export function checkProfile(made: Profile, data: Pick<PreparedData, "digest" | "directory">): void {
  if (made.data.digest === data.digest) return;
  throw new DataError(
    `The profile was made from data ${made.data.digest.slice(0, 12)}, '${data.directory}' is ${data.digest.slice(0, 12)}.`,
    {
      fix: "Profile this data set, or use the data that the profile was made from.",
      details: { path: data.directory, expected: made.data.digest, found: data.digest },
    },
  );
}
