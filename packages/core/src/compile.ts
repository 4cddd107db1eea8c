import type { GradientMode, Value } from "./ops/types.js";
import type { Program } from "./program.js";

/** Gradients of one node: what to do with each input's and each parameter's gradient. */
export interface BackwardStep {
  /** Index into `Program.nodes`. */
  readonly node: number;
  readonly inputModes: readonly GradientMode[];
  readonly paramModes: readonly GradientMode[];
}

/**
 * A program with everything an engine needs: the shape of every value (without B) and the backward pass in execution order.
 * The gradient of `rows` `[B, (S,) T, D]` is always produced; that of `dense` never. This is what crosses to C++.
 */
export interface CompiledProgram {
  readonly program: Program;
  readonly shapes: Readonly<Record<Value, readonly number[]>>;
  readonly backward: readonly BackwardStep[];
}
