import { updateAdagrad } from "./adagrad.js";
import type { OptimizerDefinition } from "./types.js";

/**
 * One accumulator per row, of the row's mean squared gradient: `s += mean(g²); w -= lr g / (sqrt(s) + epsilon)`, as the
 * reference DLRM's row-wise Adagrad. Dense parameters use plain Adagrad.
 */
export const rowwiseAdagrad: OptimizerDefinition = {
  name: "rowwise-adagrad",
  defaults: { epsilon: 1e-10, beta1: 0.9, beta2: 0.999 },
  rowSlots: [{ name: "accumulator", perRow: 1 }],
  denseSlots: [{ name: "accumulator", perRow: 0 }],
  updateRow({ weights, gradient, state: [sum], learningRate, spec }) {
    let square = 0;
    for (let i = 0; i < gradient.length; i++) square += gradient[i] * gradient[i];
    sum[0] += square / gradient.length;
    const divisor = Math.sqrt(sum[0]) + spec.epsilon;
    for (let i = 0; i < gradient.length; i++) weights[i] -= (learningRate * gradient[i]) / divisor;
  },
  updateDense: updateAdagrad,
};
