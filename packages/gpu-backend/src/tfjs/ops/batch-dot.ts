import { column, row, type TfKernel } from "./kernel.js";

export const batchDot: TfKernel<"batch-dot"> = {
  forward: ({ tf, inputs: [h, q] }) => tf.reshape(tf.matMul(h, column(tf, q)), h.shape.slice(0, 2)),
  backward: ({ tf, inputs: [h, q], outputGradient }) => ({
    inputs: [
      tf.matMul(column(tf, outputGradient), row(tf, q)),
      tf.reshape(tf.matMul(h, column(tf, outputGradient), true), q.shape),
    ],
    params: [],
  }),
};
