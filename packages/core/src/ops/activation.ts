import { choice, object } from "../plain.js";
import { type Activation, activations, slopes } from "./activations.js";
import { checkArity, elements } from "./shape.js";
import type { OpDefinition } from "./types.js";

export interface ActivationAttributes {
  readonly kind: Exclude<Activation, "none">;
}

/** `y = relu(x)` or `sigmoid(x)`, element by element, where no `linear` is before it that could do it. */
export const activation: OpDefinition<"activation", ActivationAttributes> = {
  op: "activation",
  attributes: object({ kind: choice("relu", "sigmoid") }),

  shape(node, [x]) {
    checkArity(node, 1, [0]);
    return [...x];
  },

  forward({ node, batch, inputs: [x], output, outputShape }) {
    const activate = activations[node.attributes.kind];
    const count = batch * elements(outputShape);
    for (let i = 0; i < count; i++) output[i] = activate(x[i]);
  },

  backward({ node, batch, inputGradients: [dx], inputModes, output, outputGradient, outputShape }) {
    if (!dx) return;
    const slope = slopes[node.attributes.kind];
    const count = batch * elements(outputShape);
    for (let i = 0; i < count; i++)
      dx[i] = outputGradient[i] * slope(output[i]) + (inputModes[0] === "add" ? dx[i] : 0);
  },

  cases: [
    { batch: 1, inputs: [[1]], attributes: { kind: "sigmoid" } },
    { batch: 5, inputs: [[17]], attributes: { kind: "relu" } },
    { batch: 3, inputs: [[70]], attributes: { kind: "sigmoid" } },
    { batch: 4, inputs: [[3, 5]], attributes: { kind: "sigmoid" } },
    { batch: 2, inputs: [[2, 3, 5]], attributes: { kind: "relu" } },
  ],
  timed: { batch: 2048, inputs: [[512]], attributes: { kind: "sigmoid" } },
};
