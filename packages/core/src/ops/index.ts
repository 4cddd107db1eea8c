import { activation } from "./activation.js";
import { add } from "./add.js";
import { batchDot } from "./batch-dot.js";
import { concat } from "./concat.js";
import { interact } from "./interact.js";
import { linear } from "./linear.js";
import { multiply } from "./multiply.js";
import { normalize } from "./normalize.js";
import { reduceSum } from "./reduce-sum.js";
import { slice } from "./slice.js";
import type { BackwardCall, ForwardCall, OpDefinition, OpNode } from "./types.js";
import { weightedSum } from "./weighted-sum.js";

/** Every op, by name. A new op is one file in this folder and one line here. */
export const ops = {
  linear,
  interact,
  concat,
  slice,
  normalize,
  "batch-dot": batchDot,
  "weighted-sum": weightedSum,
  "reduce-sum": reduceSum,
  activation,
  add,
  multiply,
};

export type OpName = keyof typeof ops;

/** Attributes of every op. The file of the op says what they mean. */
export type OpAttributes = {
  [K in OpName]: (typeof ops)[K] extends OpDefinition<K, infer Attributes> ? Attributes : never;
};

export type NodeOf<K extends OpName> = OpNode<K, OpAttributes[K]>;

/** One op application. `params` are names of `Program.params`. */
export type Node = { readonly [K in OpName]: NodeOf<K> }[OpName];

export type OpCall<K extends OpName> = ForwardCall<K, OpAttributes[K]>;
export type OpGradientCall<K extends OpName> = BackwardCall<K, OpAttributes[K]>;

/** A complete list of kernels: a missing one is a compile error. */
export type OpTable<Kernel extends { [K in OpName]: unknown }> = { readonly [K in OpName]: Kernel[K] };

/** An op whose name is only known at run time; the node handed to it must be of that op. */
export type AnyOp = OpDefinition<OpName, OpAttributes[OpName]>;
export const opOf = (name: OpName): AnyOp => ops[name] as unknown as AnyOp;
