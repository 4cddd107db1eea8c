import type { StrategyName } from "@fae/scheduler";
import { type TimedSet, timedSets } from "../data/timed-set.js";
import { type WorkloadName, workloads } from "../data/workloads.js";
import type { Check, Spread } from "../result.js";
import { type Bench, withShare } from "../scenario.js";
import { sameLosses } from "./same-losses.js";
import { spreadOf } from "./spread.js";
import { strategiesFor } from "./strategies.js";
import { type StrategyRuns, type Trained, trainInTurn } from "./train.js";

/** A workload whose strategies were checked against each other and then timed in turn. */
export interface MeasuredWorkload {
  readonly set: TimedSet;
  /** Empty when a check failed: what is wrong is not timed. */
  readonly runs: StrategyRuns["runs"];
  readonly checks: readonly Check[];
  readonly notes: readonly string[];
}

/** Batches that are compared before anything is timed. */
const checkedBatches = { tiny: 3, quick: 4, full: 12 } as const;

/** Checks and times strategies on workloads; shared by all scenarios of a run that ask for the same. */
export async function measureWorkloads(
  bench: Bench,
  names: readonly WorkloadName[],
  strategies: readonly StrategyName[],
): Promise<MeasuredWorkload[]> {
  const measured: MeasuredWorkload[] = [];
  const sets = await timedSets(bench, await workloads(bench, names));
  for (const [i, set] of sets.entries()) {
    const key = `runs ${set.workload.name} ${strategies.join()}`;
    measured.push(await bench.once(key, () => measureWorkload(withShare(bench, i, sets.length), set, strategies)));
  }
  return measured;
}

async function measureWorkload(
  bench: Bench,
  set: TimedSet,
  strategies: readonly StrategyName[],
): Promise<MeasuredWorkload> {
  const { workload } = set;
  const { taken, notes } = strategiesFor(bench, set, strategies);
  const { checks, ran } = await sameLosses(bench, set, taken, checkedBatches[bench.size]);
  const about = [[...workload.notes, hotNote(set)].join(" "), ...notes];
  if (checks.some(({ passed }) => !passed)) {
    return { set, runs: new Map(), checks, notes: [...about, `${workload.name}: not timed, a check failed.`] };
  }
  const done = await trainInTurn(bench, { workload, data: set.data }, taken, { warm: ran });
  return { set, runs: done.runs, checks, notes: [...about, ...done.notes] };
}

const hotNote = ({ workload, hotInputShare, data }: TimedSet): string =>
  `Batches of ${workload.batch}, ${(data.splits.train?.rows ?? 0).toLocaleString("en-US")} inputs a run, budget ${(workload.hot.budgetBytes / 2 ** 20).toPrecision(3)} MiB, ${(100 * hotInputShare).toFixed(1)} % of the inputs hot.`;

/** A number of every run of a strategy as one spread; null when it did not run. */
export function spreadFor(
  { runs }: Pick<MeasuredWorkload, "runs">,
  strategy: StrategyName,
  of: (run: Trained) => number,
): Spread | null {
  const all = runs.get(strategy) ?? [];
  return all.length === 0 ? null : spreadOf(all.map(of));
}
