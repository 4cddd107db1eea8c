import { ConfigError, type PreparedData, type Strategy } from "@fae/core";
import { checkProfile, readProfile } from "@fae/profiler";

/** Which rows are hot, and the budget they were chosen for. */
export interface HotChoice {
  readonly hotRows: readonly number[];
  readonly budgetBytes: number;
}

/**
 * The hot rows of a run: those of the pack, or of another profile of the same data. Any number of hot rows is exact, since ids are
 * in popularity order; but the hot and cold files of a pack belong to the pack's own.
 * @returns null when the data are not packed
 * @throws ConfigError, DataError
 */
export async function chooseHotRows(
  data: PreparedData,
  profileDirectory: string | null,
  strategy: Pick<Strategy, "name" | "reads">,
): Promise<HotChoice | null> {
  const { packed } = data;
  if (profileDirectory === null) return packed;
  if (packed === null) {
    throw new ConfigError(`'${data.directory}' is not packed: a profile tells nothing about its ids.`, {
      fix: "Run 'fae pack' with this profile and train on the result.",
      details: { option: "profile", path: data.directory },
    });
  }
  const profile = await readProfile(profileDirectory);
  checkProfile(profile, data);
  const { hotRows } = profile.hotSet;
  if (strategy.reads === "hot-and-cold" && hotRows.join() !== packed.hotRows.join()) {
    throw new ConfigError(`Strategy ${strategy.name} needs inputs parted for these hot rows; the pack has others.`, {
      fix: "Pack the data set with this profile, or train with strategy mixed, which needs no parted inputs.",
      details: { option: "profile", path: profileDirectory },
    });
  }
  return { hotRows, budgetBytes: profile.budgetBytes };
}
