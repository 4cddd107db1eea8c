import { last, matrix, type TfKernel } from "./kernel.js";

export const linear: TfKernel<"linear"> = {
  forward({ tf, node, inputs: [x], params: [weight, bias] }) {
    const { activation, transposed } = node.attributes;
    const product = tf.matMul(matrix(tf, x), weight, false, !transposed);
    const sum = bias ? tf.add(product, bias) : product;
    const y = activation === "relu" ? tf.relu(sum) : activation === "sigmoid" ? tf.sigmoid(sum) : sum;
    return tf.reshape(y, [...x.shape.slice(0, -1), last(y)]);
  },
  backward({ tf, node, inputs: [x], params: [weight, bias], output, outputGradient }) {
    const { activation, transposed } = node.attributes;
    const y = matrix(tf, output);
    const dy = matrix(tf, outputGradient);
    const g =
      activation === "relu"
        ? tf.mul(dy, tf.cast(tf.greater(y, 0), "float32"))
        : activation === "sigmoid"
          ? tf.mul(dy, tf.mul(y, tf.sub(1, y)))
          : dy;
    const flat = matrix(tf, x);
    const dx = tf.reshape(tf.matMul(g, weight, false, transposed), x.shape);
    const dWeight = transposed ? tf.matMul(flat, g, true) : tf.matMul(g, flat, true);
    return { inputs: [dx], params: bias ? [dWeight, tf.sum(g, 0)] : [dWeight] };
  },
};
