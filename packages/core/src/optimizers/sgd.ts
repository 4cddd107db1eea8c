import type { OptimizerDefinition, UpdateCall } from "./types.js";

function update({ weights, gradient, learningRate }: UpdateCall): void {
  for (let i = 0; i < gradient.length; i++) weights[i] -= learningRate * gradient[i];
}

/** `w -= lr g`. No state. */
export const sgd: OptimizerDefinition = {
  name: "sgd",
  defaults: { epsilon: 1e-10, beta1: 0.9, beta2: 0.999 },
  rowSlots: [],
  denseSlots: [],
  updateRow: update,
  updateDense: update,
};
