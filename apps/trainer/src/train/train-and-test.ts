import type { Evaluation, PreparedData, Session } from "@fae/core";
import type { ChangedRows } from "@fae/embedding-store";
import { type OrderState, type ResumableStrategy, startShuffle } from "@fae/scheduler";
import { stopIfAborted } from "../cli/interrupted.js";
import { type BestModel, openBestModel } from "./best-model.js";
import { type WriteQueue, writeQueue } from "./checkpoint-writer.js";
import { type Checkpoints, openCheckpoints } from "./checkpoints.js";
import type { EngineChoice } from "./engines.js";
import type { PlannedJob } from "./job.js";
import { type LoopPlan, runOrder, unscored } from "./loop.js";
import type { Trained } from "./make-report.js";
import { corrected, evaluationMetrics, type Metrics } from "./metrics.js";
import type { TrainOptions } from "./options.js";
import { recordRun } from "./record-run.js";
import type { Resumption } from "./resume.js";
import type { RunOutput } from "./run-output.js";
import { addEvaluation, type Totals } from "./totals.js";
import type { TrainHooks } from "./train-hooks.js";

/** A training whose session is open. */
export interface Run {
  readonly options: TrainOptions;
  readonly data: PreparedData;
  readonly planned: PlannedJob;
  readonly choice: EngineChoice;
  readonly session: Session;
  readonly hooks: TrainHooks;
  readonly output: RunOutput | null;
  readonly resumption: Resumption | null;
  readonly changed: ChangedRows;
  /** Place in the schedule of rates where the run began. */
  readonly stepsBefore: number;
  /** Until now, with those before an interruption. */
  totalSeconds(): number;
}

/** Where the run was resumed, and what was changed there. */
export const historyOf = (resumption: Resumption | null) => ({
  resumedAt: resumption === null ? [] : [...resumption.state.resumedAt, resumption.checkpoint.manifest.step],
  rateChanges: resumption?.rateChanges ?? [],
});

/** Carries out the order, and scores the weights that are kept. @throws FaeError as `runOrder` and `openCheckpoints` */
export async function trainAndTest(run: Run, strategy: ResumableStrategy): Promise<Trained> {
  const { options, planned, session, hooks, output, resumption } = run;
  const { index, job } = planned;
  let order: OrderState | undefined =
    resumption?.state.order ??
    (strategy.reads === "hot-and-cold"
      ? startShuffle(index, { rate: options.shuffleRate, first: options.shuffleFirst })
      : undefined);
  const rate = () => (order?.kind === "shuffle" ? order.rate : options.shuffleRate);
  const { onEvent, ...record } = await recordRun(
    {
      ...run,
      step: resumption?.checkpoint.manifest.step ?? 0,
      before: resumption?.events ?? [],
      schedulerRate: () => (strategy.reads === "train" ? undefined : rate()),
    },
    { ...hooks, append: (event) => output?.append(event) },
  );
  const queue = writeQueue();
  await using best = keepingBest(run, queue);
  await using checkpoints = checkpointing(run, queue, best);
  const totals = await runOrder({
    session,
    order: strategy.resume(index, job.plan, options.seed, {
      ...(order && { from: order }),
      observe: (state) => {
        order = state;
      },
    }),
    schedule: { ...options, base: options.learningRate, from: run.stepsBefore },
    keptNegatives: run.data.keptNegatives,
    testSource: planned.testSource,
    testEvery: options.testEvery,
    maxBatches: options.maxBatches ?? Number.POSITIVE_INFINITY,
    ...followed(options),
    ...(resumption && { from: resumption.state.loop }),
    onEvent,
    onRun(segment) {
      checkpoints?.trained(segment);
      best?.trained(segment);
    },
    ...(best && { onBest: best.take }),
    ...(checkpoints && {
      onBoundary: async (loop, tell) => order && checkpoints.boundary(loop, order, tell),
    }),
    ...(hooks.signal && { signal: hooks.signal }),
  });
  await queue.idle();
  const step = (await best?.restore(totals.batches)) ?? totals.batches;
  const metrics = { val: null as Metrics | null, test: null as Metrics | null };
  for (const split of planned.heldOut) {
    stopIfAborted(hooks.signal, "Training");
    const evaluation = await session.evaluate(split);
    if (!Number.isFinite(evaluation.loss)) throw unscored(split, step, evaluation.loss);
    metrics[split] = score(evaluation, totals, run.data.keptNegatives);
  }
  const trace = order?.kind === "shuffle" ? order.trace : null;
  return { totals, ...record, trace, metrics, kept: { weights: options.keep, step } };
}

/** The model of the best test; null where the last one is kept. */
function keepingBest({ options, data, planned, session, output, resumption, hooks }: Run, queue: WriteQueue) {
  if (output === null || options.keep === "last") return null;
  const { best = null, bestStep = 0 } = resumption?.state.loop.earlyStop ?? {};
  return openBestModel({
    options,
    data,
    job: planned.job,
    session,
    output,
    queue,
    bestStep: best === null ? null : bestStep,
    log: (line) => hooks.log?.(line),
  });
}

/** Checkpoints as the options want them; null for none. */
function checkpointing(run: Run, queue: WriteQueue, best: BestModel | null): Checkpoints | null {
  const { options, data, session, output, resumption, hooks } = run;
  if (output === null || options.checkpointEvery === 0) return null;
  return openCheckpoints({
    options,
    data,
    job: run.planned.job,
    session,
    output,
    queue,
    totalSeconds: run.totalSeconds,
    ...historyOf(resumption),
    from: resumption && { checkpoint: resumption.checkpoint, changed: run.changed, state: resumption.state },
    onCheckpoint: (event) => hooks.onCheckpoint?.(event),
    afterSave: async () => best?.prune(),
    log: (line) => hooks.log?.(line),
  });
}

/** What training does when the log loss of its tests stops falling. */
export const followed = ({ plateauPatience, plateauFactor, stopPatience, keep }: TrainOptions): Partial<LoopPlan> => ({
  ...(plateauPatience !== null && { plateau: { better: "lower", patience: plateauPatience, factor: plateauFactor } }),
  // The best test is remembered also where it ends nothing.
  ...((stopPatience !== null || keep === "best") && {
    earlyStop: { better: "lower", patience: stopPatience ?? Number.MAX_SAFE_INTEGER },
  }),
});

function score(evaluation: Evaluation, totals: Totals, keptNegatives: number): Metrics {
  addEvaluation(totals, evaluation);
  return evaluationMetrics(corrected(evaluation, keptNegatives));
}
