import { object, size } from "../plain.js";
import { elements, operandError, sameShape } from "./shape.js";
import type { OpDefinition } from "./types.js";

export interface ConcatAttributes {
  /** Per-input axes that stay; everything behind them is flattened. */
  readonly keep: number;
}

/**
 * Concatenation: the first `keep` per-input axes stay, everything behind them is flattened and put side by side:
 * inputs `[keep..., rest_i...]`, output `[keep..., sum_i elements(rest_i)]`.
 */
export const concat: OpDefinition<"concat", ConcatAttributes> = {
  op: "concat",
  attributes: object({ keep: size }),

  shape(node, inputShapes) {
    const { keep } = node.attributes;
    if (node.inputs.length === 0)
      throw operandError(node, "inputs", "at least one value", "none", "Name the values to concatenate.");
    if (node.params.length > 0)
      throw operandError(node, "params", "none", node.params.join(", "), "Concatenation has no parameters.");
    const kept = inputShapes[0].slice(0, keep);
    inputShapes.forEach((shape, i) => {
      if (shape.length < keep || !sameShape(shape.slice(0, keep), kept))
        throw operandError(
          node,
          node.inputs[i],
          `[B, ${[...kept, "..."].join(", ")}]`,
          shape,
          `The first ${keep} per-input axes must be those of '${node.inputs[0]}'.`,
        );
    });
    return [...kept, inputShapes.reduce((sum, shape) => sum + elements(shape.slice(keep)), 0)];
  },

  forward({ node, batch, inputs, inputShapes, output, outputShape }) {
    const { keep } = node.attributes;
    const groups = batch * elements(outputShape.slice(0, keep));
    const width = elements(outputShape.slice(keep));
    let at = 0;
    inputs.forEach((input, k) => {
      const part = elements(inputShapes[k].slice(keep));
      for (let n = 0; n < groups; n++) for (let i = 0; i < part; i++) output[n * width + at + i] = input[n * part + i];
      at += part;
    });
  },

  backward({ node, batch, inputShapes, inputGradients, inputModes, outputGradient, outputShape }) {
    const { keep } = node.attributes;
    const groups = batch * elements(outputShape.slice(0, keep));
    const width = elements(outputShape.slice(keep));
    let at = 0;
    inputGradients.forEach((gradient, k) => {
      const part = elements(inputShapes[k].slice(keep));
      if (gradient)
        for (let n = 0; n < groups; n++)
          for (let i = 0; i < part; i++)
            gradient[n * part + i] =
              outputGradient[n * width + at + i] + (inputModes[k] === "add" ? gradient[n * part + i] : 0);
      at += part;
    });
  },

  cases: [
    { batch: 3, inputs: [[5]], attributes: { keep: 0 } },
    { batch: 5, inputs: [[8], [3, 8]], attributes: { keep: 0 } },
    {
      batch: 4,
      inputs: [
        [3, 2],
        [3, 4, 2],
        [3, 1],
      ],
      attributes: { keep: 1 },
    },
    { batch: 4, inputs: [[70], [2, 5], [64]], attributes: { keep: 0 } },
  ],
  timed: { batch: 2048, inputs: [[64], [26, 64]], attributes: { keep: 0 } },
};
