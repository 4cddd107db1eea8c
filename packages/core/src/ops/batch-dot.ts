import { object } from "../plain.js";
import { checkArity, operandError } from "./shape.js";
import type { OpDefinition } from "./types.js";

export type BatchDotAttributes = Record<string, never>;

/** Inputs H `[R, K]` and q `[K]`; output `a[r] = sum_k H[r, k] q[k]`, `[R]`. */
export const batchDot: OpDefinition<"batch-dot", BatchDotAttributes> = {
  op: "batch-dot",
  attributes: object({}),

  shape(node, [h, q]) {
    checkArity(node, 2, [0]);
    if (h.length !== 2) throw operandError(node, node.inputs[0], "[B, R, K]", h, "Give it two per-input axes.");
    if (q.length !== 1 || q[0] !== h[1])
      throw operandError(
        node,
        node.inputs[1],
        `[B, ${h[1]}]`,
        q,
        `It must match the last axis of '${node.inputs[0]}'.`,
      );
    return [h[0]];
  },

  forward({ batch, inputs: [h, q], inputShapes: [[r, k]], output }) {
    for (let n = 0; n < batch; n++)
      for (let i = 0; i < r; i++) {
        let sum = 0;
        for (let c = 0; c < k; c++) sum += h[(n * r + i) * k + c] * q[n * k + c];
        output[n * r + i] = sum;
      }
  },

  backward({ batch, inputs: [h, q], inputShapes: [[r, k]], inputGradients: [dh, dq], inputModes, outputGradient }) {
    if (dh)
      for (let n = 0; n < batch; n++)
        for (let i = 0; i < r; i++)
          for (let c = 0; c < k; c++) {
            const at = (n * r + i) * k + c;
            dh[at] = outputGradient[n * r + i] * q[n * k + c] + (inputModes[0] === "add" ? dh[at] : 0);
          }
    if (dq) {
      if (inputModes[1] === "write") dq.fill(0, 0, batch * k);
      for (let n = 0; n < batch; n++)
        for (let i = 0; i < r; i++)
          for (let c = 0; c < k; c++) dq[n * k + c] += outputGradient[n * r + i] * h[(n * r + i) * k + c];
    }
  },

  cases: [
    { batch: 4, inputs: [[20, 15], [15]], attributes: {} },
    { batch: 2, inputs: [[1, 3], [3]], attributes: {} },
    { batch: 3, inputs: [[3, 17], [17]], attributes: {} },
  ],
  timed: { batch: 2048, inputs: [[20, 15], [15]], attributes: {} },
};
