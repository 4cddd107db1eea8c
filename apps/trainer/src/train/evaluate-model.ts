import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Evaluation, optimizerSpec, type SplitName } from "@fae/core";
import { openPrepared, toBatchSource } from "@fae/datasets";
import { openCheckpoint, restoreCheckpoint } from "@fae/embedding-store";
import { strategy } from "@fae/scheduler";
import { chooseEngine } from "./engines.js";
import { originalIdsOf } from "./initial-weights.js";
import { originalIds } from "./job.js";
import { evaluationMetrics, type Metrics } from "./metrics.js";
import { programOf } from "./model-state.js";

export interface EvaluateOptions {
  /** A run directory or a checkpoint. */
  readonly model: string;
  /** A prepared data set, packed or not, with the ids that the model was trained on. */
  readonly data: string;
  readonly split: SplitName;
  readonly engine: string;
  /** Inputs scored at a time; never changes a score. */
  readonly batch: number;
  readonly threads: number;
}

export interface EvaluateReport {
  readonly checkpoint: string;
  readonly step: number;
  readonly data: { readonly directory: string; readonly digest: string; readonly split: SplitName };
  readonly engine: string;
  readonly metrics: Metrics;
  readonly seconds: number;
}

/** Scores a trained model on one split. @throws FaeError */
export async function evaluateModel(
  options: EvaluateOptions,
): Promise<{ readonly report: EvaluateReport; readonly evaluation: Evaluation }> {
  const data = await openPrepared(options.data);
  const checkpoint = await openCheckpoint(modelDirectory(options.model));
  const program = programOf(checkpoint, data);
  const plan = strategy("cpu-only").plan({
    tables: program.tables,
    rowBytes: 4 * program.width,
    budgetBytes: 0,
    devices: 0,
  });
  const source = toBatchSource(data, options.split);
  const job = {
    program,
    plan,
    optimizer: optimizerSpec("sgd"), // no update is made, and sgd keeps no state
    sources: [source],
    batch: Math.max(1, Math.min(options.batch, source.rows)),
    seed: 0,
    threads: options.threads,
    ...(data.packed ? { tables: originalIds(program, data.packed.originalIdsPaths) } : {}),
  };
  const { engine } = await chooseEngine(options.engine, job);
  await using session = await engine.open(job);
  await restoreCheckpoint(checkpoint, {
    session,
    program,
    optimizer: job.optimizer,
    originalIds: originalIdsOf(job),
    data: data.packed?.from ?? data.digest,
    parts: "weights",
  });
  const evaluation = await session.evaluate(source.name);
  return {
    report: {
      checkpoint: checkpoint.path,
      step: checkpoint.manifest.step,
      data: { directory: data.directory, digest: data.digest, split: options.split },
      engine: engine.name,
      metrics: evaluationMetrics(evaluation),
      seconds: evaluation.seconds,
    },
    evaluation,
  };
}

/** A run keeps its model in `model`. */
const modelDirectory = (path: string): string => (existsSync(join(path, "model")) ? join(path, "model") : path);
