import type { OptimizerDefinition, UpdateCall } from "./types.js";

/** `s += g²; w -= lr g / (sqrt(s) + epsilon)`, element by element: PyTorch's Adagrad without decay. */
export function updateAdagrad({ weights, gradient, state: [sum], learningRate, spec }: UpdateCall): void {
  for (let i = 0; i < gradient.length; i++) {
    sum[i] += gradient[i] * gradient[i];
    weights[i] -= (learningRate * gradient[i]) / (Math.sqrt(sum[i]) + spec.epsilon);
  }
}

/** Adagrad with one accumulator per element, for rows as for dense parameters. */
export const adagrad: OptimizerDefinition = {
  name: "adagrad",
  defaults: { epsilon: 1e-10, beta1: 0.9, beta2: 0.999 },
  rowSlots: [{ name: "accumulator", perRow: 0 }],
  denseSlots: [{ name: "accumulator", perRow: 0 }],
  updateRow: updateAdagrad,
  updateDense: updateAdagrad,
};
