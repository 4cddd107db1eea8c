import type { TfKernel } from "./kernel.js";

export const activation: TfKernel<"activation"> = {
  forward: ({ tf, node, inputs: [x] }) => (node.attributes.kind === "relu" ? tf.relu(x) : tf.sigmoid(x)),
  backward({ tf, node, output: y, outputGradient }) {
    const slope = node.attributes.kind === "relu" ? tf.cast(tf.greater(y, 0), "float32") : tf.mul(y, tf.sub(1, y));
    return { inputs: [tf.mul(outputGradient, slope)], params: [] };
  },
};
