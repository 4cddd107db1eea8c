import { elements } from "@fae/core";
import type { Tensor, Tf } from "../backend.js";
import type { TfKernel } from "./kernel.js";

/** x as `[B * outer axes, S, inner axes]`. */
const blocks = (tf: Tf, x: Tensor, axis: number): Tensor =>
  tf.reshape(x, [elements(x.shape.slice(0, 1 + axis)), x.shape[1 + axis], elements(x.shape.slice(2 + axis))]);

export const slice: TfKernel<"slice"> = {
  forward({ tf, node, inputs: [x] }) {
    const { from, to, squeeze, axis = 0 } = node.attributes;
    const taken = tf.slice(blocks(tf, x, axis), [0, from, 0], [-1, to - from, -1]);
    return tf.reshape(taken, [
      ...x.shape.slice(0, 1 + axis),
      ...(squeeze ? [] : [to - from]),
      ...x.shape.slice(2 + axis),
    ]);
  },
  backward({ tf, node, inputs: [x], outputGradient }) {
    const { from, to, axis = 0 } = node.attributes;
    const [outer, steps, inner] = blocks(tf, x, axis).shape;
    const padded = tf.pad(tf.reshape(outputGradient, [outer, to - from, inner]), [
      [0, 0],
      [from, steps - to],
      [0, 0],
    ]);
    return { inputs: [tf.reshape(padded, x.shape)], params: [] };
  },
};
