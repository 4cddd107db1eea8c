import { elements } from "@fae/core";
import type { Tensor } from "../backend.js";
import type { TfKernel } from "./kernel.js";

/** Elements behind the first `keep` per-input axes. */
const restOf = (x: Tensor, keep: number): number => elements(x.shape.slice(1 + keep));

export const concat: TfKernel<"concat"> = {
  forward({ tf, node, inputs }) {
    const { keep } = node.attributes;
    const flat = inputs.map((x) => tf.reshape(x, [...x.shape.slice(0, 1 + keep), restOf(x, keep)]));
    return tf.concat(flat, 1 + keep);
  },
  backward({ tf, node, inputs, outputGradient }) {
    const { keep } = node.attributes;
    let at = 0;
    const gradients = inputs.map((x) => {
      const begin = [...new Array<number>(1 + keep).fill(0), at];
      const size = [...outputGradient.shape.slice(0, -1), restOf(x, keep)];
      at += restOf(x, keep);
      return tf.reshape(tf.slice(outputGradient, begin, size), x.shape);
    });
    return { inputs: gradients, params: [] };
  },
};
