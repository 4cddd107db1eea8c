import type { OptimizerName, OptimizerSpec } from "@fae/core";
import type { Tensor, Tf } from "./backend.js";

export interface TfUpdate {
  readonly weights: Tensor;
  readonly gradient: Tensor;
  /** One per dense slot of the optimizer, in its order. */
  readonly state: readonly Tensor[];
  readonly learningRate: number;
  readonly step: number;
  readonly spec: OptimizerSpec;
}

export interface TfUpdated {
  readonly weights: Tensor;
  readonly state: readonly Tensor[];
}

type DenseUpdate = (tf: Tf, call: TfUpdate) => TfUpdated;

const sgd: DenseUpdate = (tf, { weights, gradient, learningRate }) => ({
  weights: tf.sub(weights, tf.mul(gradient, learningRate)),
  state: [],
});

const adagrad: DenseUpdate = (tf, { weights, gradient, state: [sum], learningRate, spec }) => {
  const accumulator = tf.add(sum, tf.square(gradient));
  const move = tf.div(tf.mul(gradient, learningRate), tf.add(tf.sqrt(accumulator), spec.epsilon));
  return { weights: tf.sub(weights, move), state: [accumulator] };
};

const adam: DenseUpdate = (tf, { weights, gradient, state: [m, v], learningRate, step, spec }) => {
  const { beta1, beta2, epsilon } = spec;
  const first = tf.add(tf.mul(m, beta1), tf.mul(gradient, 1 - beta1));
  const second = tf.add(tf.mul(v, beta2), tf.mul(tf.square(gradient), 1 - beta2));
  const scale = tf.add(tf.mul(tf.sqrt(second), 1 / Math.sqrt(1 - beta2 ** step)), epsilon);
  const move = tf.div(tf.mul(first, learningRate / (1 - beta1 ** step)), scale);
  return { weights: tf.sub(weights, move), state: [first, second] };
};

/** Dense updates of every optimizer on tensors: the formulas of core's `optimizers/`. */
export const updates: { readonly [K in OptimizerName]: DenseUpdate } = {
  sgd,
  adagrad,
  "rowwise-adagrad": adagrad,
  adam,
};
