import { existsSync } from "node:fs";
import {
  checkArguments,
  checkOptions,
  DivergedError,
  is,
  type Job,
  lockPath,
  type PreparedData,
  type Session,
} from "@fae/core";
import { type ChangedRows, restoreCheckpoint } from "@fae/embedding-store";
import { dataShape, findModel } from "@fae/models";
import { strategy as findStrategy } from "@fae/scheduler";
import { stopIfAborted } from "../cli/interrupted.js";
import { batchHint } from "./batch-hint.js";
import { explainDivergence } from "./diverged.js";
import { chooseEngine } from "./engines.js";
import { chooseHotRows } from "./hot-choice.js";
import { loadWeights, originalIdsOf } from "./initial-weights.js";
import { type PlannedJob, planJob } from "./job.js";
import { makeReport } from "./make-report.js";
import { adviseMapping, mapTables } from "./mapped-tables.js";
import { identityOf, openData } from "./model-state.js";
import { hookKinds, trainKinds } from "./option-kinds.js";
import { type GivenOptions, settle, type TrainOptions } from "./options.js";
import { oneClassHint } from "./quality-hints.js";
import type { TrainReport } from "./report.js";
import { checkClasses, dropLater, openResumption, type Resumption, runOf } from "./resume.js";
import { expectFree } from "./run-directory.js";
import { newOutput, resumedOutput } from "./run-output.js";
import { followed, historyOf, type Run, trainAndTest } from "./train-and-test.js";
import type { TrainHooks } from "./train-hooks.js";
import { checkRoom, writeResult } from "./write-result.js";

export type { TrainHooks };

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
  const lock = await lockPath(options.run, `Run ${options.run}`);
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
  checkArguments("resumeTraining", { path: [path, is.text] });
  checkOptions<TrainOptions>("resumeTraining", changes, {
    ...trainKinds,
    data: is.maybe(is.text),
    model: is.maybe(is.text),
  });
  checkOptions<TrainHooks>("resumeTraining", hooks, hookKinds);
  const run = runOf(path);
  const lock = existsSync(run) ? await lockPath(run, `Run ${run}`) : null; // without a run, `openResumption` says so
  try {
    const resumption = await openResumption(path, changes);
    return await train(resumption.options, hooks, resumption);
  } finally {
    lock?.release();
  }
}

async function train(options: TrainOptions, hooks: TrainHooks, resumption: Resumption | null): Promise<TrainReport> {
  const started = performance.now();
  const data = await openData(options.data);
  const strategy = findStrategy(options.strategy);
  if (resumption) checkClasses(resumption.state, data);
  const program = findModel(options.model).build(dataShape(data), options.modelOptions);
  const hot = await chooseHotRows(data, options.profile, strategy);
  const asked = planJob(options, data, program, strategy, hot);
  const choice = await chooseEngine(options.engine, asked.job);
  const planned = { ...asked, job: withMatmul(asked.job, choice.engine.name) };
  hooks.log?.(`engine ${choice.engine.name} (${choice.why}): ${choice.engine.machine().description}`);
  for (const hint of resumption === null ? startHints(options, data, planned) : []) hooks.log?.(hint);
  stopIfAborted(hooks.signal, "Training");
  checkRoom(options, planned, resumption, hooks);
  using mapped = options.mapped === null ? null : mapTables(options.mapped, planned.job);
  await using session = await choice.engine.open(mapped?.job ?? planned.job).catch((error: unknown) => {
    throw adviseMapping(error);
  });
  const { told, step, changed } = await loadStart(options, session, data, planned.job, resumption);
  if (told !== null) hooks.log?.(told);
  const openSeconds = (performance.now() - started) / 1000;

  const output = await openOutput(options, resumption, hooks);
  const totalSeconds = () => (performance.now() - started) / 1000 + (resumption?.state.seconds ?? 0);
  const run: Run = {
    options,
    data,
    planned,
    choice,
    session,
    hooks,
    output,
    resumption,
    changed,
    stepsBefore: step,
    totalSeconds,
  };
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

/** What is worth a line before a training begins. */
function startHints(options: TrainOptions, data: PreparedData, { job, testSource }: PlannedJob): string[] {
  const { plateau, earlyStop } = followed(options);
  const tested = job.sources.find(({ name }) => name === testSource);
  const hints = [
    batchHint(data.splits.train?.rows ?? 0, options),
    tested && (plateau || earlyStop) ? oneClassHint(tested) : null,
  ];
  return hints.filter((hint) => hint !== null);
}

/** TF32 is what training on tensor cores uses; whoever wants float32 says so. */
const withMatmul = (job: Job, engine: string): Job =>
  job.matmul === undefined && engine === "cuda" ? { ...job, matmul: "tf32" } : job;

interface Start {
  /** One line saying what the session starts from; null: weights drawn from the seed. */
  readonly told: string | null;
  /** Updates before the first of this run, which the schedule of rates counts too; 0 but with `initWithState`. */
  readonly step: number;
  /** Rows that are not as in the full checkpoint that the one resumed from builds on. */
  readonly changed: ChangedRows;
}

async function loadStart(
  options: TrainOptions,
  session: Session,
  data: PreparedData,
  job: Job,
  resumption: Resumption | null,
): Promise<Start> {
  if (resumption === null) {
    if (options.init === null) return { told: null, step: 0, changed: {} };
    return {
      ...(await loadWeights(options.init, { session, job, data, withState: options.initWithState })),
      changed: {},
    };
  }
  const { program, optimizer } = job;
  const { checkpoint } = resumption;
  const changed: Record<string, Uint32Array> = {};
  await restoreCheckpoint(checkpoint, {
    session,
    program,
    optimizer,
    originalIds: originalIdsOf(job),
    ...identityOf(data),
    onChanged: (table, rows) => {
      changed[table] = rows;
    },
  });
  const step = checkpoint.manifest.step - resumption.state.loop.totals.batches;
  return { step, told: `resumed from ${checkpoint.path}, step ${checkpoint.manifest.step}`, changed };
}

async function openOutput({ run, tensorboard }: TrainOptions, resumption: Resumption | null, hooks: TrainHooks) {
  const how = { tensorboard, log: (line: string) => hooks.log?.(line) };
  if (resumption === null) return run === null ? null : newOutput(run, how);
  await dropLater(resumption);
  const { kept, checkpoint } = resumption;
  return resumedOutput(resumption.run, { kept, step: checkpoint.manifest.step }, how);
}
