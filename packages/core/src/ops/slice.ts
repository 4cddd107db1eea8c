import { boolean, number, object, optional } from "../plain.js";
import { checkArity, elements, operandError } from "./shape.js";
import type { OpDefinition, Shape } from "./types.js";

export interface SliceAttributes {
  /** Steps `from` (included) to `to` (excluded) of the axis. */
  readonly from: number;
  readonly to: number;
  /** Drops the axis, for one step. */
  readonly squeeze: boolean;
  /** Per-input axis, from 0; default 0. */
  readonly axis?: number;
}

/**
 * Steps `from` (included) to `to` (excluded) of one per-input axis: `[o..., S, i...]` becomes `[o..., to - from, i...]`, or
 * `[o..., i...]` with `squeeze`, which needs exactly one step.
 */
export const slice: OpDefinition<"slice", SliceAttributes> = {
  op: "slice",
  attributes: object<SliceAttributes>({ from: number, to: number, squeeze: boolean, axis: optional(number) }),

  shape(node, [x]) {
    checkArity(node, 1, [0]);
    const { from, to, squeeze, axis = 0 } = node.attributes;
    if (!(Number.isInteger(axis) && axis >= 0 && axis < x.length))
      throw operandError(node, node.inputs[0], `with an axis ${axis} to slice`, x, "Axes count from 0, without B.");
    if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= x[axis]))
      throw operandError(
        node,
        node.inputs[0],
        `at least ${to} steps and 0 <= from < to (from ${from}, to ${to})`,
        x,
        `Slice within 0..${x[axis]}.`,
      );
    if (squeeze && to - from !== 1)
      throw operandError(node, "squeeze", "one step", `${to - from} steps`, "Slice one step or keep the axis.");
    return [...x.slice(0, axis), ...(squeeze ? [] : [to - from]), ...x.slice(axis + 1)];
  },

  forward({ node, batch, inputs: [x], inputShapes: [shape], output }) {
    const { outer, all, start, taken } = sizes(node.attributes, batch, shape);
    for (let o = 0; o < outer; o++) for (let i = 0; i < taken; i++) output[o * taken + i] = x[o * all + start + i];
  },

  backward({ node, batch, inputShapes: [shape], inputGradients: [dx], inputModes, outputGradient }) {
    if (!dx) return;
    const { outer, all, start, taken } = sizes(node.attributes, batch, shape);
    if (inputModes[0] === "write") dx.fill(0, 0, outer * all);
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < taken; i++) dx[o * all + start + i] += outputGradient[o * taken + i];
  },

  cases: [
    { batch: 4, inputs: [[5, 3]], attributes: { from: 0, to: 4, squeeze: false } },
    { batch: 4, inputs: [[5, 3]], attributes: { from: 4, to: 5, squeeze: true } },
    { batch: 2, inputs: [[6]], attributes: { from: 2, to: 5, squeeze: false } },
    { batch: 3, inputs: [[5, 2, 3]], attributes: { from: 1, to: 3, squeeze: false } },
    { batch: 3, inputs: [[5, 4, 3]], attributes: { from: 1, to: 3, squeeze: false, axis: 1 } },
    { batch: 3, inputs: [[26, 17]], attributes: { from: 1, to: 17, squeeze: false, axis: 1 } },
    { batch: 3, inputs: [[5, 4]], attributes: { from: 0, to: 1, squeeze: true, axis: 1 } },
  ],
  timed: { batch: 2048, inputs: [[21, 15]], attributes: { from: 0, to: 20, squeeze: false } },
};

/** Blocks of the outer axes: elements in front of the first step taken, of the steps taken, and of all. */
function sizes({ from, to, axis = 0 }: SliceAttributes, batch: number, shape: Shape) {
  const inner = elements(shape.slice(axis + 1));
  const outer = batch * elements(shape.slice(0, axis));
  return { outer, all: shape[axis] * inner, start: from * inner, taken: (to - from) * inner };
}
