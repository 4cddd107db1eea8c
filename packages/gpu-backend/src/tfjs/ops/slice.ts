import type { TfKernel } from "./kernel.js";

export const slice: TfKernel<"slice"> = {
  forward({ tf, node, inputs: [x] }) {
    const { from, to, squeeze } = node.attributes;
    const [batch, steps, ...rest] = x.shape;
    const taken = tf.slice(tf.reshape(x, [batch, steps, -1]), [0, from, 0], [-1, to - from, -1]);
    return tf.reshape(taken, squeeze ? [batch, ...rest] : [batch, to - from, ...rest]);
  },
  backward({ tf, node, inputs: [x], outputGradient }) {
    const { from, to } = node.attributes;
    const [batch, steps] = x.shape;
    const padded = tf.pad(tf.reshape(outputGradient, [batch, to - from, -1]), [
      [0, 0],
      [from, (steps ?? 0) - to],
      [0, 0],
    ]);
    return { inputs: [tf.reshape(padded, x.shape)], params: [] };
  },
};
