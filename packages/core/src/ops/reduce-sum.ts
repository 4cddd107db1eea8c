import { boolean, number, object } from "../plain.js";
import { checkArity, elements, operandError } from "./shape.js";
import type { OpDefinition, Shape } from "./types.js";

export interface ReduceSumAttributes {
  /** Per-input axis that is summed, from 0. */
  readonly axis: number;
  /** Drops the axis; without, its size becomes 1. */
  readonly squeeze: boolean;
}

/** `y[o, i] = sum_n x[o, n, i]` over one per-input axis: `[o..., N, i...]` becomes `[o..., 1, i...]` or, squeezed, `[o..., i...]`. */
export const reduceSum: OpDefinition<"reduce-sum", ReduceSumAttributes> = {
  op: "reduce-sum",
  attributes: object({ axis: number, squeeze: boolean }),

  shape(node, [x]) {
    checkArity(node, 1, [0]);
    const { axis, squeeze } = node.attributes;
    if (!(Number.isInteger(axis) && axis >= 0 && x[axis] > 0))
      throw operandError(node, node.inputs[0], `with an axis ${axis} to sum`, x, "Axes count from 0, without B.");
    return [...x.slice(0, axis), ...(squeeze ? [] : [1]), ...x.slice(axis + 1)];
  },

  forward({ node, batch, inputs: [x], inputShapes: [shape], output }) {
    const { outer, count, inner } = sizes(batch, shape, node.attributes.axis);
    output.fill(0, 0, outer * inner);
    for (let o = 0; o < outer; o++)
      for (let n = 0; n < count; n++)
        for (let i = 0; i < inner; i++) output[o * inner + i] += x[(o * count + n) * inner + i];
  },

  backward({ node, batch, inputShapes: [shape], inputGradients: [dx], inputModes, outputGradient }) {
    if (!dx) return;
    const { outer, count, inner } = sizes(batch, shape, node.attributes.axis);
    for (let o = 0; o < outer; o++)
      for (let n = 0; n < count; n++)
        for (let i = 0; i < inner; i++) {
          const at = (o * count + n) * inner + i;
          dx[at] = outputGradient[o * inner + i] + (inputModes[0] === "add" ? dx[at] : 0);
        }
  },

  cases: [
    { batch: 1, inputs: [[1]], attributes: { axis: 0, squeeze: false } },
    { batch: 5, inputs: [[70]], attributes: { axis: 0, squeeze: false } },
    { batch: 4, inputs: [[26, 16]], attributes: { axis: 0, squeeze: true } },
    { batch: 4, inputs: [[3, 17]], attributes: { axis: 1, squeeze: true } },
    { batch: 3, inputs: [[3, 17]], attributes: { axis: 1, squeeze: false } },
    { batch: 3, inputs: [[2, 3, 5]], attributes: { axis: 1, squeeze: true } },
    { batch: 3, inputs: [[2, 3, 5]], attributes: { axis: 0, squeeze: false } },
    { batch: 2, inputs: [[2, 3, 5]], attributes: { axis: 2, squeeze: true } },
  ],
  timed: { batch: 2048, inputs: [[26, 64]], attributes: { axis: 0, squeeze: true } },
};

function sizes(batch: number, shape: Shape, axis: number) {
  return { outer: batch * elements(shape.slice(0, axis)), count: shape[axis], inner: elements(shape.slice(axis + 1)) };
}
