/**
 * The mathematics of one training step as plain data. A program prints, hashes, diffs and crosses to C++ as JSON.
 *
 * Shape letters: B batch, S sequence steps, T tables, D embedding width, F dense features. Every value is batch-major:
 * its shape is `[B, ...shape]` and only `shape` is written down. A program sees *pooled rows*, never ids: look-up,
 * pooling (sum over a bag) and row update belong to the route, so one program runs on every placement.
 */
import type { Node } from "./ops/index.js";
import type { Value } from "./ops/types.js";

export { elements } from "./ops/shape.js";

/** How a table or parameter starts. Draws come from `random.ts`: the same in TypeScript, C++ and CUDA. */
export type Init =
  | { readonly kind: "uniform"; readonly bound: number } // U(-bound, bound)
  | { readonly kind: "normal"; readonly deviation: number } // N(0, deviation²)
  | { readonly kind: "zeros" };

/** All rows of one feature; `rows` x `Program.width` values. */
export interface TableSpec {
  /** The reference's parameter name, e.g. `emb_l.0.weight`. */
  readonly name: string;
  readonly rows: number;
  readonly init: Init;
}

/** A dense parameter, e.g. `bot_l.0.weight` `[M, K]` or `bot_l.0.bias` `[M]`. */
export interface ParamSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly init: Init;
}

export interface Program {
  readonly name: string;
  /** F, per step. */
  readonly denseFeatures: number;
  /** S for sequence models: `dense` is `[B, S, F]`, `rows` `[B, S, T, D]`. 0 without: `[B, F]`, `[B, T, D]`. */
  readonly steps: number;
  /** D. */
  readonly width: number;
  readonly tables: readonly TableSpec[];
  readonly params: readonly ParamSpec[];
  /** In execution order; a node reads `dense`, `rows` and outputs of earlier nodes. */
  readonly nodes: readonly Node[];
  /**
   * Value of shape `[B, 1]` whose sigmoid is the predicted click probability. The loss is the mean binary cross entropy
   * over the inputs of the batch, each log term clamped at -100 as PyTorch's BCELoss does.
   */
  readonly logit: Value;
}

/** Shape of the given value `dense`, without B. */
export const denseShape = (p: Pick<Program, "steps" | "denseFeatures">): number[] =>
  p.steps === 0 ? [p.denseFeatures] : [p.steps, p.denseFeatures];

/** Shape of the given value `rows` (pooled rows), without B. */
export const rowsShape = (p: Pick<Program, "steps" | "tables" | "width">): number[] =>
  p.steps === 0 ? [p.tables.length, p.width] : [p.steps, p.tables.length, p.width];
