import { object } from "../plain.js";
import { checkArity, checkSameShapes, elements } from "./shape.js";
import type { OpDefinition } from "./types.js";

export type MultiplyAttributes = Record<string, never>;

/** `y = a * b`, element by element: inputs a and b of one shape, output of the same. No broadcasting. */
export const multiply: OpDefinition<"multiply", MultiplyAttributes> = {
  op: "multiply",
  attributes: object({}),

  shape(node, shapes) {
    checkArity(node, 2, [0]);
    checkSameShapes(node, shapes);
    return [...shapes[0]];
  },

  forward({ batch, inputs: [a, b], output, outputShape }) {
    const count = batch * elements(outputShape);
    for (let i = 0; i < count; i++) output[i] = a[i] * b[i];
  },

  backward({ batch, inputs, inputGradients, inputModes, outputGradient, outputShape }) {
    const count = batch * elements(outputShape);
    inputGradients.forEach((gradient, k) => {
      const other = inputs[1 - k];
      if (gradient)
        for (let i = 0; i < count; i++)
          gradient[i] = outputGradient[i] * other[i] + (inputModes[k] === "add" ? gradient[i] : 0);
    });
  },

  cases: [
    { batch: 1, inputs: [[1], [1]], attributes: {} },
    { batch: 5, inputs: [[17], [17]], attributes: {} },
    { batch: 3, inputs: [[70], [70]], attributes: {} },
    {
      batch: 4,
      inputs: [
        [3, 16],
        [3, 16],
      ],
      attributes: {},
    },
    {
      batch: 2,
      inputs: [
        [2, 3, 5],
        [2, 3, 5],
      ],
      attributes: {},
    },
  ],
  timed: { batch: 2048, inputs: [[512], [512]], attributes: {} },
};
