import type { Numbers } from "../ops/types.js";

export type OptimizerName = "sgd" | "adagrad" | "rowwise-adagrad" | "adam";

/** Options have the reference's defaults: epsilon 1e-10 for (row-wise) Adagrad, 1e-8 for Adam, beta1 0.9, beta2 0.999. */
export interface OptimizerSpec {
  readonly name: OptimizerName;
  readonly epsilon: number;
  readonly beta1: number;
  readonly beta2: number;
}

/** Optimizer state of one tensor: `perRow` 0 means one value per element, n > 0 means n values per row. */
export interface StateSlot {
  /** e.g. `accumulator`: session name `<tensor>#accumulator`. */
  readonly name: string;
  readonly perRow: number;
}

export interface UpdateCall {
  /** Row or whole dense tensor: updated in place. */
  readonly weights: Numbers;
  /** Gradient summed over the whole batch *before* the call: squares are of the sum. */
  readonly gradient: Numbers;
  /** One array per slot. */
  readonly state: readonly Numbers[];
  readonly learningRate: number;
  /** Updates done before this one plus 1: Adam's t. Counted per session, also for rows not touched. */
  readonly step: number;
  readonly spec: OptimizerSpec;
}

/** An optimizer: its state shapes and its slow, plain definition. `update` sees one row, or one whole dense tensor. */
export interface OptimizerDefinition {
  readonly name: OptimizerName;
  readonly defaults: Omit<OptimizerSpec, "name">;
  readonly rowSlots: readonly StateSlot[];
  readonly denseSlots: readonly StateSlot[];
  updateRow(call: UpdateCall): void;
  updateDense(call: UpdateCall): void;
}
