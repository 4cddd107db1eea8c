import { type StrategyName, shuffleRate } from "@fae/scheduler";
import type { TrainOptions } from "@fae/trainer";
import { type TimedSet, timedSets } from "../data/timed-set.js";
import { type Workload, workloads } from "../data/workloads.js";
import type { Spread } from "../result.js";
import { type Bench, withShare } from "../scenario.js";
import { spreadOf } from "./spread.js";
import { strategiesFor } from "./strategies.js";
import { type Trained, train } from "./train.js";

/** Seeds of the runs that are judged by their held-out metrics. */
export const trialSeeds: readonly number[] = [1, 2, 3];

/** What every other variant is held against, seed by seed. */
export const baseline = "dlrm-hybrid" satisfies StrategyName;

/** One way to train, on the same inputs and seeds as the others. */
export interface Variant {
  /** Its name in records and in `Trial.runs`. */
  readonly name: string;
  readonly strategy: StrategyName;
  /** First rate of the Shuffle Scheduler, percent; default the trainer's. */
  readonly shuffleRate?: number;
}

/** What variants scored on one workload. */
export interface Trial {
  readonly workload: Workload;
  /** By variant name, in the order of the seeds; variants that the engine refuses are absent. */
  readonly runs: ReadonlyMap<string, readonly Trained[]>;
  /** Of `trialSeeds`, those that every variant ran with. */
  readonly seeds: readonly number[];
}

export interface Trials {
  readonly trials: readonly Trial[];
  readonly notes: readonly string[];
}

const inputs = {
  tiny: { train: 160, heldOut: 64 },
  quick: { train: 8_192, heldOut: 2_048 },
  full: { train: 2_000_000, heldOut: 200_000 },
} as const;

/**
 * Trains every variant with every seed for one epoch, RMC1 to RMC4. Runs that another scenario of the same `fae-bench run` has
 * done are taken from it. The time of a scenario ends the seeds, never the variants of one seed; the first seed always runs.
 */
export async function runTrials(bench: Bench, variants: readonly Variant[]): Promise<Trials> {
  const trials: Trial[] = [];
  const notes: string[] = [];
  const sizes =
    bench.size === "full" && bench.engine.name === "cuda" ? { ...inputs.full, train: 2 ** 40 } : inputs[bench.size];
  const sets = await timedSets(bench, await workloads(bench, ["RMC1", "RMC2", "RMC3", "RMC4"]), sizes);
  for (const [i, set] of sets.entries()) {
    const done = await runTrial(withShare(bench, i, sets.length), set, variants);
    trials.push(done.trial);
    notes.push(...done.notes);
  }
  return {
    trials,
    notes: [
      ...notes,
      "Labels of synthetic inputs are drawn from a hidden teacher model, so that values differ from those on the real logs; the differences between strategies are what is compared.",
      ...(bench.size === "full"
        ? []
        : ["The sizes of a quick run are too small for the metrics themselves to mean much."]),
    ],
  };
}

async function runTrial(
  bench: Bench,
  set: TimedSet,
  variants: readonly Variant[],
): Promise<{ trial: Trial; notes: string[] }> {
  const { workload } = set;
  const asked = [...new Set(variants.map(({ strategy }) => strategy))];
  const { taken, notes: refused } = strategiesFor(bench, set, asked);
  const able = variants.filter(({ strategy }) => taken.includes(strategy));
  const runs = new Map<string, Trained[]>(able.map(({ name }) => [name, []]));
  const seeds: number[] = [];
  for (const seed of trialSeeds) {
    if (seeds.length > 0 && bench.secondsLeft() <= 0) break;
    for (const { name, strategy, shuffleRate: rate = shuffleRate.start } of able) {
      const run = await bench.once(`trial ${workload.name} ${strategy} ${rate} ${seed}`, () => {
        bench.log(`${workload.name} ${name}, seed ${seed}`);
        return train(bench, { workload, data: set.data, strategy }, { seed, shuffleRate: rate, ...fallingRate(set) });
      });
      bench.record(rawRun(workload.name, name, seed, run));
      runs.get(name)?.push(run);
    }
    seeds.push(seed);
  }
  const { train: trained, test } = set.data.splits;
  const notes = [
    ...workload.notes,
    ...refused,
    `${workload.name}: trained on ${count(trained?.rows)} inputs, its learning rate of ${workload.learningRate} falling over the second half, scored on ${count(test?.rows)}.`,
    ...(seeds.length < trialSeeds.length
      ? [`${workload.name}: time for ${seeds.length} of ${trialSeeds.length} seeds.`]
      : []),
  ];
  return { trial: { workload, runs, seeds }, notes };
}

/**
 * The rate of learning falls over the second half of the batches, quadratically: at a constant rate the last few batches decide
 * more than the strategy does (docs/decisions/0021).
 */
function fallingRate({ workload, data }: TimedSet): Pick<TrainOptions, "decayStart" | "decaySteps"> {
  const half = Math.floor((data.splits.train?.rows ?? 0) / workload.batch / 2);
  return { decayStart: half, decaySteps: half };
}

const count = (rows: number | undefined): string => (rows ?? 0).toLocaleString("en-US");

export type Metric = "accuracy" | "auc" | "logLoss";

/** A held-out metric of one run; null where it is not defined. */
export const metricOf = ({ report }: Trained, metric: Metric): number | null => report.metrics.test?.[metric] ?? null;

/** A number of every run of a variant as one spread; null when it did not run, or no run has it. */
export function spreadOver({ runs }: Trial, name: string, of: (run: Trained) => number | null): Spread | null {
  const found = (runs.get(name) ?? []).map(of).filter((value) => value !== null);
  return found.length === 0 ? null : spreadOf(found);
}

/** A metric minus that of the baseline with the same seed, seed by seed. */
export function aboveBaseline({ runs }: Trial, name: string, metric: Metric): number[] {
  const base = runs.get(baseline) ?? [];
  return (runs.get(name) ?? []).flatMap((run, i) => {
    const [ours, theirs] = [metricOf(run, metric), base[i] ? metricOf(base[i], metric) : null];
    return ours === null || theirs === null ? [] : [ours - theirs];
  });
}

/** The same as one spread, `factor` times; null when it did not run. */
export function spreadAboveBaseline(trial: Trial, name: string, metric: Metric, factor = 1): Spread | null {
  const found = aboveBaseline(trial, name, metric);
  return found.length === 0 ? null : spreadOf(found.map((value) => factor * value));
}

/** Every run as it is kept in a result. */
export const rawTrials = (trials: readonly Trial[]): Record<string, unknown>[] =>
  trials.flatMap(({ workload, runs, seeds }) =>
    [...runs].flatMap(([name, all]) => all.map((run, i) => rawRun(workload.name, name, seeds[i], run))),
  );

/** Seeds that at least one workload ran with. */
export const seedsOf = (trials: readonly Trial[]): readonly number[] =>
  trialSeeds.filter((seed) => trials.some(({ seeds }) => seeds.includes(seed)));

const rawRun = (
  workload: string,
  variant: string,
  seed: number,
  { report, seconds, testSeconds }: Trained,
): Record<string, unknown> => ({
  variant,
  workload,
  repeat: trialSeeds.indexOf(seed),
  seed,
  seconds,
  testSeconds,
  switchSeconds: report.seconds.stages.switch,
  steps: report.steps,
  metrics: report.metrics,
  tests: report.tests.length,
  switches: report.switches,
  schedulerRates: report.schedulerTrace?.map(({ rate }) => rate) ?? null,
});
