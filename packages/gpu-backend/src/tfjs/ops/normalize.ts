import type { Tensor, Tf } from "../backend.js";
import type { TfKernel } from "./kernel.js";

const lengths = (tf: Tf, x: Tensor): Tensor => tf.sqrt(tf.sum(tf.square(x), -1, true));

export const normalize: TfKernel<"normalize"> = {
  forward: ({ tf, node, inputs: [x] }) => tf.div(x, tf.maximum(lengths(tf, x), node.attributes.epsilon)),
  backward({ tf, node, inputs: [x], output, outputGradient }) {
    const { epsilon } = node.attributes;
    const length = lengths(tf, x);
    const along = tf.mul(
      tf.sum(tf.mul(outputGradient, output), -1, true),
      tf.cast(tf.greater(length, epsilon), "float32"),
    );
    const dx = tf.div(tf.sub(outputGradient, tf.mul(output, along)), tf.maximum(length, epsilon));
    return { inputs: [dx], params: [] };
  },
};
