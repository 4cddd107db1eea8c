import type { BatchIndex, BatchSource, Job, PreparedData, Program, SourceIndex, SplitName, Strategy } from "@fae/core";
import { ConfigError, optimizerSpec, rowStateValues } from "@fae/core";
import { toBatchSource } from "@fae/datasets";
import { headOf } from "./head.js";
import type { HotChoice } from "./hot-choice.js";
import type { TrainOptions } from "./options.js";

/** Source that tests during training read: the head of the validation split. */
export const checkSource = "check";

/** Everything an engine and an order need. */
export interface PlannedJob {
  readonly job: Job;
  readonly index: BatchIndex;
  /** Held-out splits to score at the end, in this order. */
  readonly heldOut: readonly ("val" | "test")[];
  /** Name of the source of tests during training; null without held-out inputs. */
  readonly testSource: string | null;
}

/** Bytes of one row with its optimizer state. */
export const rowBytes = (program: Pick<Program, "width">, optimizer: TrainOptions["optimizer"]): number =>
  4 * (program.width + rowStateValues(optimizer, program.width));

/**
 * Makes the job of a training run: plan, sources, batch index.
 * @param hot null: the data are not packed
 * @throws ConfigError, PlanError, DataError when data, model, batch size and strategy do not go together
 */
export function planJob(
  options: TrainOptions,
  data: PreparedData,
  program: Program,
  strategy: Strategy,
  hot: HotChoice | null,
): PlannedJob {
  const train = data.splits.train;
  checkBatch(options.batch, train?.rows ?? 0, data.directory);
  const plan = strategy.plan({
    tables: program.tables,
    rowBytes: rowBytes(program, options.optimizer),
    budgetBytes: options.budgetBytes ?? hot?.budgetBytes ?? 0,
    ...(hot && { hotRows: hot.hotRows }),
    devices: 1,
    lookAhead: options.lookAhead,
    servers: options.servers,
    staleness: options.staleness,
  });
  const shuffleSeed = options.shuffle === "total" ? options.seed : null;
  const trained: SplitName[] = strategy.reads === "train" ? ["train"] : ["hot", "cold"];
  const heldOut = (["val", "test"] as const).filter((split) => (data.splits[split]?.rows ?? 0) > 0);
  const tested = heldOut[0];
  const sources: BatchSource[] = [
    ...trained.map((split) => toBatchSource(data, split, { shuffleSeed })),
    ...heldOut.map((split) => toBatchSource(data, split)),
  ];
  const needsTests = options.testEvery > 0 || strategy.reads === "hot-and-cold";
  if (needsTests && tested !== undefined) {
    sources.push(headOf(toBatchSource(data, tested), options.testInputs, checkSource));
  }
  if (needsTests && tested === undefined) {
    throw new ConfigError(`${data.directory} has no held-out inputs to test on during training.`, {
      fix: "Prepare it with a validation or test split, or train without --test-every and not with strategy fae.",
      details: { option: "test-every", found: Object.keys(data.splits) },
    });
  }
  return {
    job: {
      program,
      plan,
      optimizer: optimizerSpec(options.optimizer),
      sources,
      batch: options.batch,
      seed: options.seed,
      threads: options.threads,
      rowType: options.rowType,
      deterministic: options.deterministic,
      ...(options.matmul && { matmul: options.matmul }),
      ...(data.packed ? { tables: originalIds(program, data.packed.originalIdsPaths) } : {}),
    },
    index: batchIndex(options, data, trained),
    heldOut,
    testSource: needsTests ? checkSource : null,
  };
}

/** @throws ConfigError when no batch of this size can be made of the training inputs */
export function checkBatch(batch: number, rows: number, directory: string): void {
  if (rows === 0)
    throw new ConfigError(`${directory} has no training inputs.`, { fix: "Prepare it again with a training split." });
  if (batch <= rows) return;
  throw new ConfigError(`A batch of ${batch} inputs is larger than the training split, which has ${rows}.`, {
    fix: `Use --batch ${rows} or less.`,
    details: { option: "batch", found: batch, expected: rows },
  });
}

function batchIndex(options: TrainOptions, data: PreparedData, trained: readonly SplitName[]): BatchIndex {
  const indexed = (name: SplitName): SourceIndex => {
    const rows = data.splits[name]?.rows ?? 0;
    return { name, rows, batches: Math.ceil(rows / options.batch) };
  };
  return {
    train: indexed("train"),
    ...(trained.includes("hot") ? { hot: indexed("hot"), cold: indexed("cold") } : {}),
    epochs: options.epochs,
    segmentBatches: options.segmentBatches,
    shuffle: options.shuffle,
  };
}

export const originalIds = (program: Program, paths: readonly string[]): NonNullable<Job["tables"]> =>
  Object.fromEntries(program.tables.map(({ name }, t) => [name, { originalIdsPath: paths[t] }]));
