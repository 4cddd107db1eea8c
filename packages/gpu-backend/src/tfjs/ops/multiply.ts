import type { TfKernel } from "./kernel.js";

export const multiply: TfKernel<"multiply"> = {
  forward: ({ tf, inputs: [a, b] }) => tf.mul(a, b),
  backward: ({ tf, inputs: [a, b], outputGradient }) => ({
    inputs: [tf.mul(outputGradient, b), tf.mul(outputGradient, a)],
    params: [],
  }),
};
