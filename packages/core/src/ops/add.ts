import { finite, listOf, object } from "../plain.js";
import { checkArity, checkSameShapes, elements, operandError } from "./shape.js";
import type { OpDefinition } from "./types.js";

export interface AddAttributes {
  /** One factor per input: `[1, 1]` adds, `[1, -1]` subtracts, `[0.5]` halves. */
  readonly scales: readonly number[];
}

/** `y = sum_i scales[i] * x_i`, element by element: one or more inputs of one shape, output of the same. No broadcasting. */
export const add: OpDefinition<"add", AddAttributes> = {
  op: "add",
  attributes: object({ scales: listOf(finite) }),

  shape(node, shapes) {
    const { scales } = node.attributes;
    if (scales.length === 0)
      throw operandError(node, "scales", "one factor per input", "none", "Give the node at least one input.");
    checkArity(node, scales.length, [0]);
    checkSameShapes(node, shapes);
    return [...shapes[0]];
  },

  forward({ node, batch, inputs, output, outputShape }) {
    const count = batch * elements(outputShape);
    output.fill(0, 0, count);
    inputs.forEach((x, k) => {
      for (let i = 0; i < count; i++) output[i] += node.attributes.scales[k] * x[i];
    });
  },

  backward({ node, batch, inputGradients, inputModes, outputGradient, outputShape }) {
    const count = batch * elements(outputShape);
    inputGradients.forEach((gradient, k) => {
      const scale = node.attributes.scales[k];
      if (gradient)
        for (let i = 0; i < count; i++)
          gradient[i] = scale * outputGradient[i] + (inputModes[k] === "add" ? gradient[i] : 0);
    });
  },

  cases: [
    { batch: 1, inputs: [[1]], attributes: { scales: [-1] } },
    { batch: 5, inputs: [[17], [17]], attributes: { scales: [1, 1] } },
    { batch: 3, inputs: [[70], [70], [70]], attributes: { scales: [0.5, -0.5, 2] } },
    {
      batch: 4,
      inputs: [
        [3, 16],
        [3, 16],
      ],
      attributes: { scales: [1, -1] },
    },
    {
      batch: 2,
      inputs: [
        [2, 3, 5],
        [2, 3, 5],
      ],
      attributes: { scales: [1, 1] },
    },
  ],
  timed: { batch: 2048, inputs: [[512], [512]], attributes: { scales: [1, 1] } },
};
