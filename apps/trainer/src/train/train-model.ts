import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DivergedError, type Evaluation, type Job, type PreparedData, type Session } from "@fae/core";
import { openPrepared } from "@fae/datasets";
import { type ChangedRows, checkpointBytes, restoreCheckpoint, saveCheckpoint } from "@fae/embedding-store";
import { dataShape, findModel } from "@fae/models";
import { strategy as findStrategy, type OrderState, type ResumableStrategy, startShuffle } from "@fae/scheduler";
import { formatBytes } from "../cli/format.js";
import { stopIfAborted } from "../cli/interrupted.js";
import { batchHint } from "./batch-hint.js";
import { type BestModel, openBestModel } from "./best-model.js";
import { checkpointSource, type WriteQueue, writeQueue } from "./checkpoint-writer.js";
import { type CheckpointEvent, type Checkpoints, openCheckpoints } from "./checkpoints.js";
import { expectRoom, freeBytes, runBytes, whenThereIsRoom } from "./disk-room.js";
import { explainDivergence } from "./diverged.js";
import { chooseEngine, type EngineChoice } from "./engines.js";
import { chooseHotRows } from "./hot-choice.js";
import { loadWeights, originalIdsOf } from "./initial-weights.js";
import { type PlannedJob, planJob } from "./job.js";
import { type LoopEvent, type LoopPlan, runOrder, unscored } from "./loop.js";
import { makeReport, type Trained } from "./make-report.js";
import { adviseMapping, mapTables } from "./mapped-tables.js";
import { evaluationMetrics, type Metrics } from "./metrics.js";
import { digestBeforePacking } from "./model-state.js";
import { type TrainOptions, trainOptions } from "./options.js";
import { oneClassHint } from "./quality-hints.js";
import { recordRun, stepsOf } from "./record-run.js";
import type { TrainReport } from "./report.js";
import { checkClasses, dropLater, openResumption, type Resumption, runOf } from "./resume.js";
import { expectFree } from "./run-directory.js";
import type { RunEvent, StartEvent } from "./run-events.js";
import { lockRun } from "./run-lock.js";
import { checkpointsOf, newOutput, type RunOutput, resumedOutput } from "./run-output.js";
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
  /** Seconds that a finished training waits for room when the disk is full as it is written; default 3600. */
  readonly roomSeconds?: number;
}

/**
 * Trains a model: data, program, plan, engine, order, metrics, report. With `options.run` the directory holds
 * `report.json`, `metrics.jsonl` (what is trained, then one line per segment and test) and `model/` (a checkpoint in original
 * ids), and appears complete or not at all; with `options.checkpointEvery` it appears with its first checkpoint, and
 * `report.json` comes last.
 * @throws FaeError of every kind; ConfigError when another process has the run, ERR_INTERRUPTED when `hooks.signal` was aborted
 */
export async function trainModel(
  given: Pick<TrainOptions, "data" | "model"> & Partial<TrainOptions>,
  hooks: TrainHooks = {},
): Promise<TrainReport> {
  const options = trainOptions(given);
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
 * Goes on with an interrupted run, or with one that diverged, from its newest checkpoint. On one engine, the result is bit for bit that of a run without
 * interruption, also with another strategy of the same order, look-ahead, budget or number of threads.
 * @param path the run's directory, or one checkpoint in it
 * @param changes engine, placement and where the data are may change, and the learning rate, which the report then says; another
 *   value of any other option is refused
 * @throws ConfigError, DataError when another process has the run, the run is complete, has no checkpoint, or the checkpoint is damaged or of other data
 */
export async function resumeTraining(
  path: string,
  changes: Partial<TrainOptions> = {},
  hooks: TrainHooks = {},
): Promise<TrainReport> {
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
  if (followed(options).plateau || followed(options).earlyStop) {
    const tested = planned.job.sources.find(({ name }) => name === planned.testSource);
    const oneClass = tested && oneClassHint(tested);
    if (oneClass) hooks.log?.(oneClass);
  }
  stopIfAborted(hooks.signal, "Training");
  checkRoom(options, planned, resumption, hooks);
  using mapped = options.mapped === null ? null : mapTables(options.mapped, planned.job);
  await using session = await choice.engine.open(mapped?.job ?? planned.job).catch((error: unknown) => {
    throw adviseMapping(error);
  });
  const { told, changed } = await loadStart(options, session, data, planned.job, resumption);
  if (told !== null) hooks.log?.(told);
  const openSeconds = (performance.now() - started) / 1000;

  const output = await openOutput(options, resumption, hooks);
  const totalSeconds = () => (performance.now() - started) / 1000 + (resumption?.state.seconds ?? 0);
  const run: Run = { options, data, planned, choice, session, hooks, output, resumption, changed, totalSeconds };
  try {
    const trained = await trainAndTest(run, strategy);
    const memory = await session.memory();
    const finished = { ...run, ...trained, memory, openSeconds, ...historyOf(resumption) };
    const reportOf = (name: string | null) =>
      makeReport({ ...finished, options: { ...options, run: name }, totalSeconds: totalSeconds() });
    return output === null ? reportOf(null) : await writeResult(run, output, reportOf);
  } catch (error) {
    if (!(error instanceof DivergedError)) throw error;
    const { program, sources } = planned.job;
    throw await explainDivergence(error, {
      session,
      program,
      sources,
      options,
      resumedFrom: resumption?.checkpoint.manifest.step ?? null,
    });
  } finally {
    output?.close();
  }
}

/** Writes model and report. A disk that is full, or a run directory that is gone, does not cost the training. */
async function writeResult(
  { options, data, planned, session, hooks }: Run,
  output: RunOutput,
  reportOf: (name: string) => TrainReport,
): Promise<TrainReport> {
  const { job } = planned;
  const source = checkpointSource({ options, data, session, job });
  const write = async (): Promise<TrainReport> => {
    output.settle();
    const model = join(output.path(), "model");
    rmSync(model, { recursive: true, force: true }); // of a try before
    await saveCheckpoint(model, { ...source, keep: 1 });
    stopIfAborted(hooks.signal, "Training");
    return output.finish(reportOf);
  };
  return whenThereIsRoom(write, {
    path: options.run ?? ".",
    needBytes: checkpointBytes(job.program, job.optimizer.name),
    seconds: hooks.roomSeconds ?? 3600,
    otherwise:
      options.run !== null && existsSync(checkpointsOf(options.run))
        ? `Free space and go on from its last checkpoint: fae train --resume ${options.run}.`
        : "Free space and train again; with --checkpoint-every a run can be resumed.",
    signal: hooks.signal,
    log: (line) => hooks.log?.(line),
  });
}

/** @throws FaeError ERR_DISK_FULL when the disk cannot hold what the run will write */
function checkRoom(
  options: TrainOptions,
  { job, index }: PlannedJob,
  resumption: Resumption | null,
  hooks: TrainHooks,
) {
  if (options.run === null) return;
  const steps = stepsOf(index, options) - (resumption?.checkpoint.manifest.step ?? 0);
  const bytes = runBytes(job.program, job.optimizer.name, options, steps);
  // What an unfinished run has written already is part of the bytes.
  const left = resumption === null ? bytes.least : checkpointBytes(job.program, job.optimizer.name);
  expectRoom(options.run, left, `Run ${options.run}`);
  const free = freeBytes(options.run);
  if (resumption === null && bytes.most > free)
    hooks.log?.(
      `hint: with all its checkpoints the run can take ${formatBytes(bytes.most)}, and ${formatBytes(free)} are free: lower --keep-checkpoints`,
    );
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

async function openOutput({ run, tensorboard }: TrainOptions, resumption: Resumption | null, hooks: TrainHooks) {
  const how = { tensorboard, log: (line: string) => hooks.log?.(line) };
  if (resumption === null) return run === null ? null : newOutput(run, how);
  await dropLater(resumption);
  const { kept, checkpoint } = resumption;
  return resumedOutput(resumption.run, { kept, step: checkpoint.manifest.step }, how);
}

/** Where the run was resumed, and what was changed there. */
const historyOf = (resumption: Resumption | null) => ({
  resumedAt: resumption === null ? [] : [...resumption.state.resumedAt, resumption.checkpoint.manifest.step],
  rateChanges: resumption?.rateChanges ?? [],
});

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
    schedule: { ...options, base: options.learningRate },
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
    metrics[split] = score(evaluation, totals);
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
const followed = ({ plateauPatience, plateauFactor, stopPatience, keep }: TrainOptions): Partial<LoopPlan> => ({
  ...(plateauPatience !== null && { plateau: { better: "lower", patience: plateauPatience, factor: plateauFactor } }),
  // The best test is remembered also where it ends nothing.
  ...((stopPatience !== null || keep === "best") && {
    earlyStop: { better: "lower", patience: stopPatience ?? Number.POSITIVE_INFINITY },
  }),
});

function score(evaluation: Evaluation, totals: Totals): Metrics {
  addEvaluation(totals, evaluation);
  return evaluationMetrics(evaluation);
}
