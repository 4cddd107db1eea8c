import { FaeError, type PreparedData } from "@fae/core";
import type { StrategyName } from "@fae/scheduler";
import { type SegmentEvent, type TrainOptions, type TrainReport, trainModel } from "@fae/trainer";
import { timedBatches } from "../data/timed-set.js";
import type { Workload } from "../data/workloads.js";
import type { Bench } from "../scenario.js";
import { interleave } from "./spread.js";
import { engineFor } from "./strategies.js";

/** One training run, from an opened session to its last update. */
export interface Trained {
  readonly report: TrainReport;
  readonly segments: readonly SegmentEvent[];
  /** Wall seconds of training segments and of the tests that the strategy asked for; opening and the final scores are left out. */
  readonly seconds: number;
  readonly testSeconds: number;
}

export interface TrainCall {
  readonly workload: Workload;
  /** Packed, or any data for strategies that split no table. */
  readonly data: PreparedData;
  readonly strategy: StrategyName;
}

/**
 * Trains one epoch with a fresh session; every number comes from the trainer's report. Beside a GPU, a strategy of the host stops
 * after the batches of a run on a machine without one.
 */
export async function train(
  bench: Bench,
  { workload, data, strategy }: TrainCall,
  more: Partial<TrainOptions> = {},
): Promise<Trained> {
  const segments: SegmentEvent[] = [];
  const { engine, engineName } = engineFor(bench, strategy);
  const report = await trainModel(
    {
      data: data.directory,
      model: workload.model,
      modelOptions: workload.modelOptions,
      engine: engineName,
      strategy,
      batch: workload.batch,
      learningRate: workload.learningRate,
      optimizer: workload.optimizer,
      shuffle: "total",
      ...(engine === bench.engine
        ? { matmul: bench.matmul }
        : { maxBatches: timedBatches({ size: bench.size, engine }) }),
      ...more,
    },
    { signal: bench.signal, onEvent: (event) => event.kind === "segment" && segments.push(event) },
  );
  const testSeconds = report.tests.reduce((sum, test) => sum + test.seconds, 0);
  return { report, segments, seconds: report.seconds.train + testSeconds, testSeconds };
}

/** Runs of several strategies on one data set. */
export interface StrategyRuns {
  /** By strategy, one per recorded round; a strategy that could not run is absent. */
  readonly runs: ReadonlyMap<StrategyName, readonly Trained[]>;
  readonly notes: readonly string[];
}

/** How strategies are run in turn. */
export interface InTurn {
  /** Strategies that have run on the data in this process: at full size the others run once unrecorded before. */
  readonly warm?: readonly StrategyName[];
  /** Options of every run. */
  readonly options?: Partial<TrainOptions>;
}

/** Runs every strategy once a round, rounds interleaved. A strategy that does not fit into memory is left out with a note. */
export async function trainInTurn(
  bench: Bench,
  set: Omit<TrainCall, "strategy">,
  strategies: readonly StrategyName[],
  { warm = [], options = {} }: InTurn = {},
): Promise<StrategyRuns> {
  const toWarm = bench.size === "full" ? strategies.filter((strategy) => !warm.includes(strategy)) : [];
  const notes: string[] = [];
  const left = new Set<string>();
  const done = await interleave(strategies, bench, toWarm, async (strategy, round) => {
    if (left.has(strategy)) return null;
    bench.log(`${set.workload.name} ${strategy}${round < 0 ? " (warm-up)" : ` ${round + 1}/${bench.repeats}`}`);
    try {
      const run = await train(bench, { ...set, strategy }, options);
      if (round >= 0) bench.record(rawRun(set.workload.name, strategy, round, run));
      return run;
    } catch (error) {
      if (!(error instanceof FaeError) || error.code !== "ERR_OUT_OF_MEMORY") throw error;
      left.add(strategy);
      notes.push(`${set.workload.name}, ${strategy}: not run, ${error.message}`);
      return null;
    }
  });
  const runs = new Map<StrategyName, readonly Trained[]>();
  for (const strategy of strategies) {
    const all = (done.get(strategy) ?? []).filter((run) => run !== null);
    if (!left.has(strategy)) runs.set(strategy, all);
  }
  return { runs, notes };
}

/** What is kept of each run in a result. */
export function rawRepeats(workload: string, { runs }: StrategyRuns): Record<string, unknown>[] {
  return [...runs].flatMap(([strategy, all]) => all.map((run, repeat) => rawRun(workload, strategy, repeat, run)));
}

const rawRun = (
  workload: string,
  variant: StrategyName,
  repeat: number,
  { report, seconds, testSeconds }: Trained,
) => ({
  variant,
  workload,
  repeat,
  seconds,
  testSeconds,
  /** Of the session: tables filled, kernels chosen. Not part of `seconds`. */
  openSeconds: report.seconds.open,
  steps: report.steps,
  inputs: report.inputs,
  stages: report.seconds.stages,
  bytes: report.bytes.train,
  routes: report.routes,
  switches: report.switches,
  switchedRows: report.rows.switched,
  memory: report.memory,
});
