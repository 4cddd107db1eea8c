import { checkArity, elements, operandError } from "./shape.js";
import type { OpDefinition } from "./types.js";

export interface SliceAttributes {
  /** Steps `from` (included) to `to` (excluded) of the axis. */
  readonly from: number;
  readonly to: number;
  /** Drops the axis, for one step. */
  readonly squeeze: boolean;
}

/**
 * Steps `from` (included) to `to` (excluded) of the first per-input axis: `[S, rest...]` becomes `[to - from, rest...]`, or
 * `[rest...]` with `squeeze`, which needs exactly one step.
 */
export const slice: OpDefinition<"slice", SliceAttributes> = {
  op: "slice",

  shape(node, [x]) {
    checkArity(node, 1, [0]);
    const { from, to, squeeze } = node.attributes;
    if (x.length === 0)
      throw operandError(node, node.inputs[0], "[B, S, ...]", x, "Only a value with steps can be sliced.");
    if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= x[0]))
      throw operandError(
        node,
        node.inputs[0],
        `at least ${to} steps and 0 <= from < to (from ${from}, to ${to})`,
        x,
        `Slice within 0..${x[0]}.`,
      );
    if (squeeze && to - from !== 1)
      throw operandError(node, "squeeze", "one step", `${to - from} steps`, "Slice one step or keep the axis.");
    return squeeze ? x.slice(1) : [to - from, ...x.slice(1)];
  },

  forward({ node, batch, inputs: [x], inputShapes: [shape], output }) {
    const { from, to } = node.attributes;
    const part = elements(shape.slice(1));
    const all = elements(shape);
    const taken = (to - from) * part;
    for (let n = 0; n < batch; n++)
      for (let i = 0; i < taken; i++) output[n * taken + i] = x[n * all + from * part + i];
  },

  backward({ node, batch, inputShapes: [shape], inputGradients: [dx], inputModes, outputGradient }) {
    if (!dx) return;
    const { from, to } = node.attributes;
    const part = elements(shape.slice(1));
    const all = elements(shape);
    const taken = (to - from) * part;
    if (inputModes[0] === "write") dx.fill(0, 0, batch * all);
    for (let n = 0; n < batch; n++)
      for (let i = 0; i < taken; i++) dx[n * all + from * part + i] += outputGradient[n * taken + i];
  },

  cases: [
    { batch: 4, inputs: [[5, 3]], attributes: { from: 0, to: 4, squeeze: false } },
    { batch: 4, inputs: [[5, 3]], attributes: { from: 4, to: 5, squeeze: true } },
    { batch: 2, inputs: [[6]], attributes: { from: 2, to: 5, squeeze: false } },
    { batch: 3, inputs: [[5, 2, 3]], attributes: { from: 1, to: 3, squeeze: false } },
  ],
  timed: { batch: 2048, inputs: [[21, 15]], attributes: { from: 0, to: 20, squeeze: false } },
};
