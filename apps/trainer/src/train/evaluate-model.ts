import {
  checkOptions,
  DataError,
  type Engine,
  type Evaluation,
  type GroupedAuc,
  groupedAuc,
  is,
  type Job,
  optimizerSpec,
  type Shape,
  type SplitName,
  UnsupportedError,
} from "@fae/core";
import { toBatchSource } from "@fae/datasets";
import { expectSameIds, openCheckpoint, restoreCheckpoint } from "@fae/embedding-store";
import { strategy } from "@fae/scheduler";
import { keptNegativesOf } from "../predict/saved-model.js";
import { chooseEngine } from "./engines.js";
import { groupIds } from "./group-ids.js";
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
  /** Default `test`. */
  readonly split?: SplitName;
  /** Default `auto`. */
  readonly engine?: string;
  /** Inputs scored at a time, default 4096; never changes a score. */
  readonly batch?: number;
  /** Host threads; 0 (default) lets the engine choose. */
  readonly threads?: number;
  /** A table of one id an input, such as that of users: AUC is also computed within the inputs of each id. */
  readonly group?: string;
}

const kinds: Shape<EvaluateOptions> = {
  model: is.text,
  data: is.text,
  split: is.maybe(is.oneOf(["train", "val", "test", "hot", "cold"])),
  engine: is.maybe(is.text),
  batch: is.maybe(is.whole(1)),
  threads: is.maybe(is.whole(0, 1024)),
  group: is.maybe(is.text),
};

export interface EvaluateReport {
  readonly checkpoint: string;
  readonly step: number;
  readonly data: { readonly directory: string; readonly digest: string; readonly split: SplitName };
  readonly engine: string;
  readonly metrics: Metrics;
  /** Present when a group was named. */
  readonly grouped?: GroupedAuc & { readonly table: string };
  readonly seconds: number;
}

/** Scores a trained model on one split. @throws DataError when the split has no inputs; FaeError */
export async function evaluateModel(
  options: EvaluateOptions,
): Promise<{ readonly report: EvaluateReport; readonly evaluation: Evaluation }> {
  checkOptions("evaluateModel", options, kinds);
  const { split = "test", engine: wanted = "auto", batch = 4096, threads = 0 } = options;
  const data = await openData(options.data);
  const checkpoint = await openCheckpoint(await modelDirectory(options.model));
  expectSameIds(checkpoint, identityOf(data));
  const program = programOf(checkpoint, data);
  const source = toBatchSource(data, split);
  if (source.rows === 0)
    throw new DataError(`Split '${split}' of '${data.directory}' has no inputs: there is nothing to evaluate.`, {
      fix: "Give another --split, or prepare the log so that this one has inputs: 'fae inspect' says why it has none.",
      details: { path: data.directory, split, found: 0 },
    });
  const groups = options.group === undefined ? null : groupIds(data, source, options.group);
  const { engine, job } = await choosePlace(wanted, {
    program,
    optimizer: optimizerSpec("sgd"), // no update is made, and sgd keeps no state
    sources: [source],
    batch: Math.max(1, Math.min(batch, source.rows)),
    seed: 0,
    threads,
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
      data: { directory: data.directory, digest: data.digest, split },
      engine: engine.name,
      metrics: evaluationMetrics(evaluation),
      ...(groups && {
        grouped: { table: options.group ?? "", ...groupedAuc(evaluation.scores, evaluation.labels, groups) },
      }),
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
