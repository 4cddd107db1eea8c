import { finite, object } from "../plain.js";
import { checkArity, elements, lastOf, operandError } from "./shape.js";
import type { OpDefinition } from "./types.js";

export interface NormalizeAttributes {
  /** Vectors shorter than this are divided by it instead of by their length. */
  readonly epsilon: number;
}

/**
 * `y = x / max(|x|, epsilon)` over the last axis, |x| the Euclidean length. Gradient with n = |x|:
 * `dx = (g - y (g . y)) / n` where n > epsilon, else `dx = g / epsilon`.
 */
export const normalize: OpDefinition<"normalize", NormalizeAttributes> = {
  op: "normalize",
  attributes: object({ epsilon: finite }),

  shape(node, [x]) {
    checkArity(node, 1, [0]);
    if (x.length === 0) throw operandError(node, node.inputs[0], "[B, ..., K]", x, "Give it at least one axis.");
    if (!(node.attributes.epsilon > 0))
      throw operandError(node, "epsilon", "greater than 0", `${node.attributes.epsilon}`, "Use e.g. 1e-12.");
    return [...x];
  },

  forward({ node, batch, inputs: [x], inputShapes: [shape], output }) {
    const k = lastOf(shape);
    const vectors = (batch * elements(shape)) / k;
    for (let n = 0; n < vectors; n++) {
      let square = 0;
      for (let i = 0; i < k; i++) square += x[n * k + i] * x[n * k + i];
      const length = Math.max(Math.sqrt(square), node.attributes.epsilon);
      for (let i = 0; i < k; i++) output[n * k + i] = x[n * k + i] / length;
    }
  },

  backward({ node, batch, inputs: [x], inputShapes: [shape], output, outputGradient, ...call }) {
    const [dx] = call.inputGradients;
    if (!dx) return;
    const { epsilon } = node.attributes;
    const k = lastOf(shape);
    const vectors = (batch * elements(shape)) / k;
    const adds = call.inputModes[0] === "add";
    for (let n = 0; n < vectors; n++) {
      let square = 0;
      let along = 0;
      for (let i = n * k; i < (n + 1) * k; i++) {
        square += x[i] * x[i];
        along += outputGradient[i] * output[i];
      }
      const length = Math.sqrt(square);
      for (let i = n * k; i < (n + 1) * k; i++) {
        const gradient =
          length > epsilon ? (outputGradient[i] - output[i] * along) / length : outputGradient[i] / epsilon;
        dx[i] = gradient + (adds ? dx[i] : 0);
      }
    }
  },

  cases: [
    { batch: 5, inputs: [[15]], attributes: { epsilon: 1e-12 } },
    { batch: 3, inputs: [[4, 7]], attributes: { epsilon: 1e-12 } },
    { batch: 3, inputs: [[4]], attributes: { epsilon: 10 } },
  ],
  timed: { batch: 2048, inputs: [[21, 15]], attributes: { epsilon: 1e-12 } },
};
