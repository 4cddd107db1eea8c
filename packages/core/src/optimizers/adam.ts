import type { OptimizerDefinition, UpdateCall } from "./types.js";

function update({ weights, gradient, state: [m, v], learningRate, step, spec }: UpdateCall): void {
  const { beta1, beta2, epsilon } = spec;
  const rate = learningRate / (1 - beta1 ** step);
  const correction = Math.sqrt(1 - beta2 ** step);
  for (let i = 0; i < gradient.length; i++) {
    m[i] = beta1 * m[i] + (1 - beta1) * gradient[i];
    v[i] = beta2 * v[i] + (1 - beta2) * gradient[i] * gradient[i];
    weights[i] -= (rate * m[i]) / (Math.sqrt(v[i]) / correction + epsilon);
  }
}

/**
 * `m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g²; w -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)`:
 * PyTorch's Adam, t counted per session. Rows are lazy: a row that a batch does not touch keeps its m, v and weights.
 */
export const adam: OptimizerDefinition = {
  name: "adam",
  defaults: { epsilon: 1e-8, beta1: 0.9, beta2: 0.999 },
  rowSlots: [
    { name: "m", perRow: 0 },
    { name: "v", perRow: 0 },
  ],
  denseSlots: [
    { name: "m", perRow: 0 },
    { name: "v", perRow: 0 },
  ],
  updateRow: update,
  updateDense: update,
};
