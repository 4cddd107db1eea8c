import type { NodeOf, OpName } from "@fae/core";
import type { Tensor, Tf } from "../backend.js";

/** What a kernel sees: tensors are `[B, ...shape]`. */
export interface TfCall<K extends OpName> {
  readonly tf: Tf;
  readonly node: NodeOf<K>;
  readonly inputs: readonly Tensor[];
  readonly params: readonly Tensor[];
}

export interface TfGradientCall<K extends OpName> extends TfCall<K> {
  readonly output: Tensor;
  readonly outputGradient: Tensor;
}

/** Gradients of one node, in the order of its inputs and params. */
export interface TfGradients {
  readonly inputs: readonly Tensor[];
  readonly params: readonly Tensor[];
}

export interface TfKernel<K extends OpName> {
  forward(call: TfCall<K>): Tensor;
  backward(call: TfGradientCall<K>): TfGradients;
}

export const last = (x: Tensor): number => x.shape[x.shape.length - 1];
/** `[..., K]` as a matrix `[n, K]`. */
export const matrix = (tf: Tf, x: Tensor): Tensor => tf.reshape(x, [-1, last(x)]);
/** `[B, R]` as `[B, R, 1]` or `[B, 1, R]`. */
export const column = (tf: Tf, x: Tensor): Tensor => tf.reshape(x, [x.shape[0], last(x), 1]);
export const row = (tf: Tf, x: Tensor): Tensor => tf.reshape(x, [x.shape[0], 1, last(x)]);
