import { column, last, row, type TfKernel } from "./kernel.js";

export const weightedSum: TfKernel<"weighted-sum"> = {
  forward: ({ tf, inputs: [y, h] }) => tf.reshape(tf.matMul(row(tf, y), h), [h.shape[0], last(h)]),
  backward: ({ tf, inputs: [y, h], outputGradient }) => ({
    inputs: [
      tf.reshape(tf.matMul(h, column(tf, outputGradient)), y.shape),
      tf.matMul(column(tf, y), row(tf, outputGradient)),
    ],
    params: [],
  }),
};
