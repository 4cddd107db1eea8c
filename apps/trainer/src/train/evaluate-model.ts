import {
  DataError,
  type Engine,
  type Evaluation,
  type Job,
  optimizerSpec,
  type SplitName,
  UnsupportedError,
} from "@fae/core";
import { toBatchSource } from "@fae/datasets";
import { expectSameIds, openCheckpoint, restoreCheckpoint } from "@fae/embedding-store";
import { strategy } from "@fae/scheduler";
import { keptNegativesOf } from "../predict/saved-model.js";
import { chooseEngine } from "./engines.js";
import { originalIdsOf } from "./initial-weights.js";
import { originalIds } from "./job.js";
import { corrected, evaluationMetrics, type Metrics } from "./metrics.js";
import { modelDirectory } from "./model-directory.js";
import { identityOf, openData, programOf } from "./model-state.js";

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

/** Scores a trained model on one split. @throws DataError when the split has no inputs; FaeError */
export async function evaluateModel(
  options: EvaluateOptions,
): Promise<{ readonly report: EvaluateReport; readonly evaluation: Evaluation }> {
  const data = await openData(options.data);
  const checkpoint = await openCheckpoint(await modelDirectory(options.model));
  expectSameIds(checkpoint, identityOf(data));
  const program = programOf(checkpoint, data);
  const source = toBatchSource(data, options.split);
  if (source.rows === 0) {
    throw new DataError(
      `Split '${options.split}' of '${data.directory}' has no inputs: there is nothing to evaluate.`,
      {
        fix: "Give another --split, or prepare the log so that this one has inputs: 'fae inspect' says why it has none.",
        details: { path: data.directory, split: options.split, found: 0 },
      },
    );
  }
  const { engine, job } = await choosePlace(options.engine, {
    program,
    optimizer: optimizerSpec("sgd"), // no update is made, and sgd keeps no state
    sources: [source],
    batch: Math.max(1, Math.min(options.batch, source.rows)),
    seed: 0,
    threads: options.threads,
    ...(data.packed ? { tables: originalIds(program, data.packed.originalIdsPaths) } : {}),
  });
  await using session = await engine.open(job);
  await restoreCheckpoint(checkpoint, {
    session,
    program,
    optimizer: job.optimizer,
    originalIds: originalIdsOf(job),
    ...identityOf(data),
    parts: "weights",
  });
  const evaluation = corrected(await session.evaluate(source.name), keptNegativesOf(checkpoint));
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

/** An engine that runs the job with its tables on the host, or else on the device. @throws FaeError of the former */
async function choosePlace(name: string, job: Omit<Job, "plan">): Promise<{ engine: Engine; job: Job }> {
  const { tables, width } = job.program;
  const rowBytes = 4 * width;
  const budgetBytes = rowBytes * tables.reduce((sum, table) => sum + table.rows, 0);
  let refusal: unknown;
  for (const place of ["cpu-only", "device-only"] as const) {
    const placed = { ...job, plan: strategy(place).plan({ tables, rowBytes, budgetBytes, devices: 1 }) };
    try {
      return { engine: (await chooseEngine(name, placed)).engine, job: placed };
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}
