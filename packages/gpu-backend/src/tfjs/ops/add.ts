import type { TfKernel } from "./kernel.js";

export const add: TfKernel<"add"> = {
  forward: ({ tf, node, inputs }) =>
    inputs.map((x, i) => tf.mul(x, node.attributes.scales[i])).reduce((a, b) => tf.add(a, b)),
  backward: ({ tf, node, outputGradient }) => ({
    inputs: node.attributes.scales.map((scale) => tf.mul(outputGradient, scale)),
    params: [],
  }),
};
