import { boolean, choice, object } from "../plain.js";
import { type Activation, activations, slopes } from "./activations.js";
import { checkArity, elements, lastOf, operandError, showParamShape } from "./shape.js";
import type { Numbers, OpDefinition } from "./types.js";

export interface LinearAttributes {
  readonly activation: Activation;
  /** W is read as `[K, M]`. */
  readonly transposed: boolean;
}

/** The gradient before the activation: `g = dL/dy * activation'(y)`. */
function preActivation(outputGradient: Numbers, output: Numbers, count: number, activation: Activation): Float64Array {
  const slope = slopes[activation];
  const gradient = new Float64Array(count);
  for (let i = 0; i < count; i++) gradient[i] = outputGradient[i] * slope(output[i]);
  return gradient;
}

/**
 * `y[..., m] = activation(sum_k x[..., k] W[m, k] + b[m])`; x `[..., K]`, W `[M, K]`, b `[M]`, y `[..., M]`.
 * `transposed` reads W as `[K, M]`: `y[..., m] = activation(sum_k x[..., k] W[k, m] + b[m])`.
 */
export const linear: OpDefinition<"linear", LinearAttributes> = {
  op: "linear",
  attributes: object({ activation: choice("none", "relu", "sigmoid"), transposed: boolean }),

  shape(node, [x], [weight, bias]) {
    checkArity(node, 1, [1, 2]);
    if (x.length === 0) throw operandError(node, node.inputs[0], "[B, ..., K]", x, "Give it at least one axis.");
    const k = lastOf(x);
    const inAxis = node.attributes.transposed ? 0 : 1;
    if (weight.length !== 2 || weight[inAxis] !== k)
      throw operandError(
        node,
        `parameter '${node.params[0]}'`,
        node.attributes.transposed ? `[${k}, M]` : `[M, ${k}]`,
        showParamShape(weight),
        `Its input '${node.inputs[0]}' has ${k} values.`,
      );
    const m = weight[1 - inAxis];
    if (bias && (bias.length !== 1 || bias[0] !== m))
      throw operandError(
        node,
        `parameter '${node.params[1]}'`,
        `[${m}]`,
        showParamShape(bias),
        "Give the bias one value per output.",
      );
    return [...x.slice(0, -1), m];
  },

  forward({ node, batch, inputs: [x], inputShapes, params: [weight, bias], output, outputShape }) {
    const k = lastOf(inputShapes[0]);
    const m = lastOf(outputShape);
    const vectors = (batch * elements(outputShape)) / m;
    const [stepM, stepK] = node.attributes.transposed ? [1, m] : [k, 1];
    const activation = activations[node.attributes.activation];
    for (let n = 0; n < vectors; n++)
      for (let j = 0; j < m; j++) {
        let sum = bias ? bias[j] : 0;
        for (let i = 0; i < k; i++) sum += x[n * k + i] * weight[j * stepM + i * stepK];
        output[n * m + j] = activation(sum);
      }
  },

  backward(call) {
    const { node, batch, inputs, inputShapes, params, output, outputShape, outputGradient } = call;
    const [x] = inputs;
    const [weight] = params;
    const [dx] = call.inputGradients;
    const [dWeight, dBias] = call.paramGradients;
    const k = lastOf(inputShapes[0]);
    const m = lastOf(outputShape);
    const vectors = (batch * elements(outputShape)) / m;
    const [stepM, stepK] = node.attributes.transposed ? [1, m] : [k, 1];
    const gradient = preActivation(outputGradient, output, vectors * m, node.attributes.activation);
    if (dx) {
      if (call.inputModes[0] === "write") dx.fill(0, 0, vectors * k);
      for (let n = 0; n < vectors; n++)
        for (let j = 0; j < m; j++) {
          const g = gradient[n * m + j];
          for (let i = 0; i < k; i++) dx[n * k + i] += g * weight[j * stepM + i * stepK];
        }
    }
    if (dWeight) {
      if (call.paramModes[0] === "write") dWeight.fill(0, 0, m * k);
      for (let n = 0; n < vectors; n++)
        for (let j = 0; j < m; j++) {
          const g = gradient[n * m + j];
          for (let i = 0; i < k; i++) dWeight[j * stepM + i * stepK] += g * x[n * k + i];
        }
    }
    if (dBias) {
      if (call.paramModes[1] === "write") dBias.fill(0, 0, m);
      for (let n = 0; n < vectors; n++) for (let j = 0; j < m; j++) dBias[j] += gradient[n * m + j];
    }
  },

  cases: [
    { batch: 1, inputs: [[1]], params: [[1, 1], [1]], attributes: { activation: "none", transposed: false } },
    { batch: 5, inputs: [[13]], params: [[17, 13], [17]], attributes: { activation: "relu", transposed: false } },
    { batch: 33, inputs: [[64]], params: [[16, 64], [16]], attributes: { activation: "relu", transposed: false } },
    { batch: 9, inputs: [[20]], params: [[70, 20], [70]], attributes: { activation: "relu", transposed: false } },
    { batch: 7, inputs: [[15]], params: [[20, 15], [20]], attributes: { activation: "sigmoid", transposed: false } },
    { batch: 4, inputs: [[3, 9]], params: [[5, 9], [5]], attributes: { activation: "none", transposed: false } },
    { batch: 6, inputs: [[15]], params: [[15, 15]], attributes: { activation: "none", transposed: false } },
    { batch: 6, inputs: [[15]], params: [[15, 7]], attributes: { activation: "none", transposed: true } },
    { batch: 3, inputs: [[2, 6]], params: [[6, 11], [11]], attributes: { activation: "sigmoid", transposed: true } },
  ],
  timed: {
    batch: 2048,
    inputs: [[512]],
    params: [[256, 512], [256]],
    attributes: { activation: "relu", transposed: false },
  },
};
