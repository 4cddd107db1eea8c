import type { TfKernel } from "./kernel.js";

export const reduceSum: TfKernel<"reduce-sum"> = {
  forward: ({ tf, node, inputs: [x] }) => tf.sum(x, 1 + node.attributes.axis, !node.attributes.squeeze),
  backward({ tf, node, inputs: [x], outputGradient }) {
    const kept = [...x.shape];
    kept[1 + node.attributes.axis] = 1;
    return { inputs: [tf.broadcastTo(tf.reshape(outputGradient, kept), x.shape)], params: [] };
  },
};
