import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  checkArguments,
  checkOptions,
  DivergedError,
  type Evaluation,
  is,
  type Job,
  type PreparedData,
  type Session,
} from "@fae/core";
import { openPrepared } from "@fae/datasets";
import { type ChangedRows, restoreCheckpoint, saveCheckpoint } from "@fae/embedding-store";
import { dataShape, findModel } from "@fae/models";
import { strategy as findStrategy, type OrderState, type ResumableStrategy, startShuffle } from "@fae/scheduler";
import { stopIfAborted } from "../cli/interrupted.js";
import { batchHint } from "./batch-hint.js";
import { type CheckpointEvent, type Checkpoints, checkpointSource, openCheckpoints } from "./checkpoints.js";
import { explainDivergence } from "./diverged.js";
import { chooseEngine, type EngineChoice } from "./engines.js";
import { chooseHotRows } from "./hot-choice.js";
import { loadWeights, originalIdsOf } from "./initial-weights.js";
import { type PlannedJob, planJob } from "./job.js";
import { type LoopEvent, type LoopPlan, runOrder } from "./loop.js";
import { makeReport, type Trained } from "./make-report.js";
import { evaluationMetrics, type Metrics } from "./metrics.js";
import { digestBeforePacking } from "./model-state.js";
import { hookKinds, trainKinds } from "./option-kinds.js";
import { type GivenOptions, settle, type TrainOptions } from "./options.js";
import { recordRun } from "./record-run.js";
import type { TrainReport } from "./report.js";
import { checkClasses, dropLater, openResumption, type Resumption, runOf } from "./resume.js";
import { expectFree } from "./run-directory.js";
import type { RunEvent, StartEvent } from "./run-events.js";
import { lockRun } from "./run-lock.js";
import { newOutput, type RunOutput, resumedOutput } from "./run-output.js";
import { addEvaluation, type Totals } from "./totals.js";

/** What a caller may watch and influence. */
export interface TrainHooks {
  /** Stops between two segments; what is left on disk is a run that has a checkpoint, or nothing. */
  readonly signal?: AbortSignal;
  /** One line for people: what was chosen and why. */
  log?(line: string): void;
  /** @param loss mean loss of the latest segment */
  onProgress?(inputsDone: number, inputsTotal: number, loss: number): void;
  /** @param before the events that a resumed run had until its checkpoint */
  onStart?(start: StartEvent, before: readonly RunEvent[]): void;
  onEvent?(event: LoopEvent): void;
  onCheckpoint?(event: CheckpointEvent): void;
}

/**
 * Trains a model: data, program, plan, engine, order, metrics, report. With `options.run` the directory holds
 * `report.json`, `metrics.jsonl` (what is trained, then one line per segment and test) and `model/` (a checkpoint in original
 * ids), and appears complete or not at all; with `options.checkpointEvery` it appears with its first checkpoint, and
 * `report.json` comes last.
 * @throws FaeError of every kind; ConfigError when another process has the run, ERR_INTERRUPTED when `hooks.signal` was aborted
 */
export async function trainModel(given: GivenOptions, hooks: TrainHooks = {}): Promise<TrainReport> {
  const options = settle("trainModel", given);
  checkOptions<TrainHooks>("trainModel", hooks, hookKinds);
  if (options.run === null) return train(options, hooks, null);
  expectFree(options.run);
  const lock = await lockRun(options.run);
  try {
    return await train(options, hooks, null);
  } finally {
    lock.release();
  }
}

/**
 * Goes on with an interrupted run from its newest checkpoint. On one engine, the result is bit for bit that of a run without
 * interruption, also with another strategy of the same order, look-ahead, budget or number of threads.
 * @param path the run's directory, or one checkpoint in it
 * @param changes engine, placement and where the data are may change; another value of any other option is refused
 * @throws ConfigError, DataError when another process has the run, the run is complete, has no checkpoint, or the checkpoint is damaged or of other data
 */
export async function resumeTraining(
  path: string,
  changes: Partial<TrainOptions> = {},
  hooks: TrainHooks = {},
): Promise<TrainReport> {
  checkArguments("resumeTraining", { path: [path, is.text] });
  checkOptions<TrainOptions>("resumeTraining", changes, {
    ...trainKinds,
    data: is.maybe(is.text),
    model: is.maybe(is.text),
  });
  checkOptions<TrainHooks>("resumeTraining", hooks, hookKinds);
  const run = runOf(path);
  const lock = existsSync(run) ? await lockRun(run) : null; // without a run, `openResumption` says so
  try {
    const resumption = await openResumption(path, changes);
    return await train(resumption.options, hooks, resumption);
  } finally {
    lock?.release();
  }
}

async function train(options: TrainOptions, hooks: TrainHooks, resumption: Resumption | null): Promise<TrainReport> {
  const started = performance.now();
  const data = await openPrepared(options.data);
  const strategy = findStrategy(options.strategy);
  if (resumption) checkClasses(resumption.state, data);
  const program = findModel(options.model).build(dataShape(data), options.modelOptions);
  const hot = await chooseHotRows(data, options.profile, strategy);
  const asked = planJob(options, data, program, strategy, hot);
  const choice = await chooseEngine(options.engine, asked.job);
  const planned = { ...asked, job: withMatmul(asked.job, choice.engine.name) };
  hooks.log?.(`engine ${choice.engine.name} (${choice.why}): ${choice.engine.machine().description}`);
  const hint = resumption === null ? batchHint(data.splits.train?.rows ?? 0, options) : null;
  if (hint !== null) hooks.log?.(hint);
  stopIfAborted(hooks.signal, "Training");
  await using session = await choice.engine.open(planned.job);
  const { told, changed } = await loadStart(options, session, data, planned.job, resumption);
  if (told !== null) hooks.log?.(told);
  const openSeconds = (performance.now() - started) / 1000;

  const output = await openOutput(options, resumption);
  const totalSeconds = () => (performance.now() - started) / 1000 + (resumption?.state.seconds ?? 0);
  const run: Run = { options, data, planned, choice, session, hooks, output, resumption, changed, totalSeconds };
  try {
    const trained = await trainAndTest(run, strategy);
    const memory = await session.memory();
    if (output) {
      const source = checkpointSource({ options, data, session, job: planned.job });
      await saveCheckpoint(join(output.path(), "model"), { ...source, keep: 1 });
    }
    const resumedAt = resumedSteps(resumption);
    const finished = { ...run, ...trained, memory, openSeconds, resumedAt, totalSeconds: totalSeconds() };
    const report = makeReport(finished);
    stopIfAborted(hooks.signal, "Training");
    await output?.finish(report);
    return report;
  } finally {
    output?.close();
  }
}

/** TF32 is what training on tensor cores uses; whoever wants float32 says so. */
const withMatmul = (job: Job, engine: string): Job =>
  job.matmul === undefined && engine === "cuda" ? { ...job, matmul: "tf32" } : job;

interface Start {
  /** One line saying what the session starts from; null: weights drawn from the seed. */
  readonly told: string | null;
  /** Rows that are not as in the full checkpoint that the one resumed from builds on. */
  readonly changed: ChangedRows;
}

async function loadStart(
  { init }: TrainOptions,
  session: Session,
  data: PreparedData,
  job: Job,
  resumption: Resumption | null,
): Promise<Start> {
  if (resumption === null) return { told: init === null ? null : await loadWeights(init, session, job), changed: {} };
  const { program, optimizer } = job;
  const { checkpoint } = resumption;
  const changed: Record<string, Uint32Array> = {};
  await restoreCheckpoint(checkpoint, {
    session,
    program,
    optimizer,
    originalIds: originalIdsOf(job),
    data: digestBeforePacking(data),
    onChanged: (table, rows) => {
      changed[table] = rows;
    },
  });
  return { told: `resumed from ${checkpoint.path}, step ${checkpoint.manifest.step}`, changed };
}

async function openOutput({ run, tensorboard }: TrainOptions, resumption: Resumption | null) {
  if (resumption === null) return run === null ? null : newOutput(run, tensorboard);
  await dropLater(resumption);
  const { kept, checkpoint } = resumption;
  return resumedOutput(resumption.run, { kept, step: checkpoint.manifest.step }, tensorboard);
}

const resumedSteps = (resumption: Resumption | null): number[] =>
  resumption === null ? [] : [...resumption.state.resumedAt, resumption.checkpoint.manifest.step];

interface Run {
  readonly options: TrainOptions;
  readonly data: PreparedData;
  readonly planned: PlannedJob;
  readonly choice: EngineChoice;
  readonly session: Session;
  readonly hooks: TrainHooks;
  readonly output: RunOutput | null;
  readonly resumption: Resumption | null;
  readonly changed: ChangedRows;
  /** Until now, with those before an interruption. */
  totalSeconds(): number;
}

async function trainAndTest(run: Run, strategy: ResumableStrategy): Promise<Trained> {
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
  await using checkpoints = checkpointing(run);
  try {
    const totals = await runOrder({
      session,
      order: strategy.resume(index, job.plan, options.seed, {
        ...(order && { from: order }),
        observe: (state) => {
          order = state;
        },
      }),
      schedule: { ...options, base: options.learningRate },
      testSource: planned.testSource,
      testEvery: options.testEvery,
      maxBatches: options.maxBatches ?? Number.POSITIVE_INFINITY,
      ...followed(options),
      ...(resumption && { from: resumption.state.loop }),
      onEvent,
      ...(checkpoints && {
        onRun: (segment) => checkpoints.trained(segment),
        onBoundary: async (loop, tell) => order && checkpoints.boundary(loop, order, tell),
      }),
      ...(hooks.signal && { signal: hooks.signal }),
    });
    await checkpoints?.finish();
    const metrics = { val: null as Metrics | null, test: null as Metrics | null };
    for (const split of planned.heldOut) {
      stopIfAborted(hooks.signal, "Training");
      metrics[split] = score(await session.evaluate(split), totals);
    }
    return { totals, ...record, trace: order?.kind === "shuffle" ? order.trace : null, metrics };
  } catch (error) {
    if (error instanceof DivergedError)
      throw await explainDivergence(error, session, job.program, options.learningRate);
    throw error;
  }
}

/** Checkpoints as the options want them; null for none. */
function checkpointing(run: Run): Checkpoints | null {
  const { options, data, session, output, resumption, hooks } = run;
  if (output === null || options.checkpointEvery === 0) return null;
  return openCheckpoints({
    options,
    data,
    job: run.planned.job,
    session,
    output,
    totalSeconds: run.totalSeconds,
    resumedAt: resumedSteps(resumption),
    from: resumption && { checkpoint: resumption.checkpoint, changed: run.changed, state: resumption.state },
    onCheckpoint: (event) => hooks.onCheckpoint?.(event),
    log: (line) => hooks.log?.(line),
  });
}

/** What training does when the log loss of its tests stops falling. */
const followed = ({ plateauPatience, plateauFactor, stopPatience }: TrainOptions): Partial<LoopPlan> => ({
  ...(plateauPatience !== null && { plateau: { better: "lower", patience: plateauPatience, factor: plateauFactor } }),
  ...(stopPatience !== null && { earlyStop: { better: "lower", patience: stopPatience } }),
});

function score(evaluation: Evaluation, totals: Totals): Metrics {
  addEvaluation(totals, evaluation);
  return evaluationMetrics(evaluation);
}
