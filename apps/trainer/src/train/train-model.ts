import { join } from "node:path";
import { DivergedError, type Evaluation, type Job, type PreparedData, type Session } from "@fae/core";
import { openPrepared } from "@fae/datasets";
import { saveCheckpoint } from "@fae/embedding-store";
import { dataShape, findModel } from "@fae/models";
import { strategy as findStrategy, type ResumableStrategy, type ShuffleTest } from "@fae/scheduler";
import { stopIfAborted } from "../cli/interrupted.js";
import { eventScalars, tensorboardWriter } from "../tensorboard/writer.js";
import { explainDivergence } from "./diverged.js";
import { chooseEngine } from "./engines.js";
import { chooseHotRows } from "./hot-choice.js";
import { loadWeights, originalIdsOf } from "./initial-weights.js";
import { type PlannedJob, planJob } from "./job.js";
import { type LoopEvent, type LoopPlan, runOrder, type SegmentEvent, type TestEvent } from "./loop.js";
import { makeReport, type Trained } from "./make-report.js";
import { evaluationMetrics, type Metrics } from "./metrics.js";
import { modelState } from "./model-state.js";
import { type TrainOptions, trainOptions } from "./options.js";
import type { TrainReport } from "./report.js";
import { expectFree, openJsonLines, type StagedDirectory, stageDirectory, writeJson } from "./run-directory.js";
import { addEvaluation, type Totals } from "./totals.js";

/** What a caller may watch and influence. */
export interface TrainHooks {
  /** Stops between two segments; nothing is left on disk. */
  readonly signal?: AbortSignal;
  /** One line for people: what was chosen and why. */
  log?(line: string): void;
  /** @param loss mean loss of the latest segment */
  onProgress?(inputsDone: number, inputsTotal: number, loss: number): void;
  onEvent?(event: LoopEvent): void;
}

/**
 * Trains a model: data, program, plan, engine, order, metrics, report. With `options.run` the directory holds
 * `report.json`, `metrics.jsonl` (one line per segment and test) and `model/` (a checkpoint in original ids), and appears
 * complete or not at all.
 * @throws FaeError of every kind; ERR_INTERRUPTED when `hooks.signal` was aborted
 */
export async function trainModel(
  given: Pick<TrainOptions, "data" | "model"> & Partial<TrainOptions>,
  hooks: TrainHooks = {},
): Promise<TrainReport> {
  const started = performance.now();
  const options = trainOptions(given);
  if (options.run !== null) expectFree(options.run);
  const data = await openPrepared(options.data);
  const strategy = findStrategy(options.strategy);
  const program = findModel(options.model).build(dataShape(data), options.modelOptions);
  const hot = await chooseHotRows(data, options.profile, strategy);
  const asked = planJob(options, data, program, strategy, hot);
  const choice = await chooseEngine(options.engine, asked.job);
  const planned = { ...asked, job: withMatmul(asked.job, choice.engine.name) };
  hooks.log?.(`engine ${choice.engine.name} (${choice.why}): ${choice.engine.machine().description}`);
  stopIfAborted(hooks.signal, "Training");
  await using session = await choice.engine.open(planned.job);
  const loaded = options.init === null ? null : await loadWeights(options.init, session, planned.job);
  if (loaded !== null) hooks.log?.(loaded);
  const openSeconds = (performance.now() - started) / 1000;

  const run: Run = { options, data, planned, session, hooks };
  const staged = options.run === null ? null : stageDirectory(options.run);
  try {
    const trained = await trainAndTest(run, strategy, staged);
    const memory = await session.memory();
    if (staged) await saveModel(run, staged);
    const totalSeconds = (performance.now() - started) / 1000;
    const report = makeReport({ ...run, ...trained, choice, memory, openSeconds, totalSeconds });
    if (staged) {
      await writeJson(join(staged.path, "report.json"), report);
      stopIfAborted(hooks.signal, "Training");
      staged.commit();
    }
    return report;
  } finally {
    staged?.discard();
  }
}

/** TF32 is what training on tensor cores uses; whoever wants float32 says so. */
const withMatmul = (job: Job, engine: string): Job =>
  job.matmul === undefined && engine === "cuda" ? { ...job, matmul: "tf32" } : job;

interface Run {
  readonly options: TrainOptions;
  readonly data: PreparedData;
  readonly planned: PlannedJob;
  readonly session: Session;
  readonly hooks: TrainHooks;
}

async function trainAndTest(
  { options, planned, session, hooks }: Run,
  strategy: ResumableStrategy,
  staged: StagedDirectory | null,
): Promise<Trained> {
  const { index, job } = planned;
  const lines = staged ? openJsonLines(join(staged.path, "metrics.jsonl")) : null;
  const board = staged && options.tensorboard ? tensorboardWriter(join(staged.path, "tensorboard")) : null;
  const segments: SegmentEvent[] = [];
  const tests: TestEvent[] = [];
  let trace: readonly ShuffleTest[] | null = null;
  const epochInputs = strategy.reads === "train" ? index.train.rows : (index.hot?.rows ?? 0) + (index.cold?.rows ?? 0);
  const inputsTotal = Math.min(
    epochInputs * index.epochs,
    (options.maxBatches ?? Number.POSITIVE_INFINITY) * job.batch,
  );
  let inputsDone = 0;
  const onEvent = (event: LoopEvent): void => {
    lines?.append(event);
    board?.scalars(event.step, eventScalars(event));
    hooks.onEvent?.(event);
    if (event.kind === "test") {
      tests.push(event);
      return;
    }
    segments.push(event);
    inputsDone += event.inputs;
    hooks.onProgress?.(inputsDone, inputsTotal, event.loss);
  };
  try {
    const totals = await runOrder({
      session,
      order: strategy.resume(index, job.plan, options.seed, {
        observe: (state) => {
          if (state.kind === "shuffle") trace = state.trace;
        },
      }),
      schedule: { ...options, base: options.learningRate },
      testSource: planned.testSource,
      testEvery: options.testEvery,
      maxBatches: options.maxBatches ?? Number.POSITIVE_INFINITY,
      ...followed(options),
      onEvent,
      ...(hooks.signal && { signal: hooks.signal }),
    });
    const metrics = { val: null as Metrics | null, test: null as Metrics | null };
    for (const split of planned.heldOut) {
      stopIfAborted(hooks.signal, "Training");
      metrics[split] = score(await session.evaluate(split), totals);
    }
    return { totals, segments, tests, trace, metrics };
  } catch (error) {
    if (error instanceof DivergedError)
      throw await explainDivergence(error, session, job.program, options.learningRate);
    throw error;
  } finally {
    lines?.close();
    board?.close();
  }
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

async function saveModel({ options, data, planned, session }: Run, staged: StagedDirectory): Promise<void> {
  const { program, optimizer } = planned.job;
  await saveCheckpoint(join(staged.path, "model"), {
    session,
    program,
    optimizer,
    originalIds: originalIdsOf(planned.job),
    state: modelState(options, data),
    data: data.packed?.from ?? data.digest,
  });
}
