import {
  type BatchSource,
  type Job,
  type OptimizerName,
  optimizerSpec,
  type PreparedData,
  type Program,
  type SplitName,
  type Strategy,
} from "@fae/core";
import { toBatchSource } from "@fae/datasets";
import { rowBytes } from "@fae/embedding-store";

export interface JobRequest {
  readonly data: PreparedData;
  readonly program: Program;
  readonly strategy: Strategy;
  readonly optimizer: OptimizerName;
  readonly batch: number;
  readonly seed?: number;
  /** Splits to read, in file order; or sources made elsewhere. */
  readonly splits?: readonly SplitName[];
  readonly sources?: readonly BatchSource[];
}

/** The job of a session that is driven directly, batch by batch, without the trainer's loop. @throws PlanError, DataError */
export function jobOf({
  data,
  program,
  strategy,
  optimizer,
  batch,
  seed = 1,
  splits = [],
  sources = [],
}: JobRequest): Job {
  const { packed } = data;
  const plan = strategy.plan({
    tables: program.tables,
    rowBytes: rowBytes(program.width, optimizer),
    budgetBytes: packed?.budgetBytes ?? 0,
    ...(packed ? { hotRows: packed.hotRows } : {}),
    devices: 1,
  });
  return {
    program,
    plan,
    optimizer: optimizerSpec(optimizer),
    sources: [...splits.map((split) => toBatchSource(data, split)), ...sources],
    batch,
    seed,
    threads: 0,
    ...(packed
      ? {
          tables: Object.fromEntries(
            program.tables.map(({ name }, t) => [name, { originalIdsPath: packed.originalIdsPaths[t] }]),
          ),
        }
      : {}),
  };
}
