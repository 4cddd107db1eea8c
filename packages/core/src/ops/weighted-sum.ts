import { object } from "../plain.js";
import { checkArity, operandError } from "./shape.js";
import type { OpDefinition } from "./types.js";

export type WeightedSumAttributes = Record<string, never>;

/** Inputs y `[R]` and H `[R, K]`; output `c[k] = sum_r y[r] H[r, k]`, `[K]`. */
export const weightedSum: OpDefinition<"weighted-sum", WeightedSumAttributes> = {
  op: "weighted-sum",
  attributes: object({}),

  shape(node, [y, h]) {
    checkArity(node, 2, [0]);
    if (h.length !== 2) throw operandError(node, node.inputs[1], "[B, R, K]", h, "Give it two per-input axes.");
    if (y.length !== 1 || y[0] !== h[0])
      throw operandError(
        node,
        node.inputs[0],
        `[B, ${h[0]}]`,
        y,
        `It must match the first axis of '${node.inputs[1]}'.`,
      );
    return [h[1]];
  },

  forward({ batch, inputs: [y, h], inputShapes: [, [r, k]], output }) {
    output.fill(0, 0, batch * k);
    for (let n = 0; n < batch; n++)
      for (let i = 0; i < r; i++)
        for (let c = 0; c < k; c++) output[n * k + c] += y[n * r + i] * h[(n * r + i) * k + c];
  },

  backward({ batch, inputs: [y, h], inputShapes: [, [r, k]], inputGradients: [dy, dh], inputModes, outputGradient }) {
    if (dy)
      for (let n = 0; n < batch; n++)
        for (let i = 0; i < r; i++) {
          let sum = inputModes[0] === "add" ? dy[n * r + i] : 0;
          for (let c = 0; c < k; c++) sum += outputGradient[n * k + c] * h[(n * r + i) * k + c];
          dy[n * r + i] = sum;
        }
    if (dh)
      for (let n = 0; n < batch; n++)
        for (let i = 0; i < r; i++)
          for (let c = 0; c < k; c++) {
            const at = (n * r + i) * k + c;
            dh[at] = y[n * r + i] * outputGradient[n * k + c] + (inputModes[1] === "add" ? dh[at] : 0);
          }
  },

  cases: [
    { batch: 4, inputs: [[20], [20, 15]], attributes: {} },
    { batch: 2, inputs: [[1], [1, 3]], attributes: {} },
    { batch: 3, inputs: [[3], [3, 17]], attributes: {} },
  ],
  timed: { batch: 2048, inputs: [[20], [20, 15]], attributes: {} },
};
