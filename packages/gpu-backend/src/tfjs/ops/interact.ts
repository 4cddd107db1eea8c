import { interactionPairs } from "@fae/core";
import type { Tensor, Tf } from "../backend.js";
import { last, matrix, type TfKernel } from "./kernel.js";

/** Positions of the lower triangle in a flattened `[n, n]` matrix, and for each position its pair (pairs: none). */
function triangle(vectors: number, self: boolean): { pairs: Int32Array; pairOf: Int32Array } {
  const count = interactionPairs(vectors - 1, self);
  const pairs = new Int32Array(count);
  const pairOf = new Int32Array(vectors * vectors).fill(count);
  let pair = 0;
  for (let i = 0; i < vectors; i++)
    for (let j = 0; j < i + (self ? 1 : 0); j++) {
      pairs[pair] = i * vectors + j;
      pairOf[i * vectors + j] = pair;
      pairOf[j * vectors + i] = pair;
      pair++;
    }
  return { pairs, pairOf };
}

/** x `[B, ..., D]` and rows `[B, ..., T, D]` as one `[n, T + 1, D]`. */
const stacked = (tf: Tf, x: Tensor, rows: Tensor): Tensor => {
  const [tables, width] = rows.shape.slice(-2);
  return tf.concat([tf.reshape(x, [-1, 1, width]), tf.reshape(rows, [-1, tables, width])], 1);
};

export const interact: TfKernel<"interact"> = {
  forward({ tf, node, inputs: [x, rows] }) {
    const vectors = stacked(tf, x, rows);
    const count = vectors.shape[1] ?? 0;
    const { pairs } = triangle(count, node.attributes.self);
    const products = tf.reshape(tf.matMul(vectors, vectors, false, true), [-1, count * count]);
    const dots = tf.gather(products, tf.tensor1d(pairs, "int32"), 1);
    return tf.reshape(tf.concat([matrix(tf, x), dots], 1), [...x.shape.slice(0, -1), last(x) + pairs.length]);
  },
  backward({ tf, node, inputs: [x, rows], outputGradient }) {
    const vectors = stacked(tf, x, rows);
    const [n, count, width] = vectors.shape;
    const { pairs, pairOf } = triangle(count ?? 0, node.attributes.self);
    const g = matrix(tf, outputGradient);
    const dDots = tf.slice(g, [0, width ?? 0], [-1, pairs.length]);
    // A position without a pair takes the column of zeros behind the last dot.
    const spread = tf.gather(tf.concat([dDots, tf.zeros([n, 1])], 1), tf.tensor1d(pairOf, "int32"), 1);
    const symmetric = tf.reshape(spread, [n, count ?? 0, count ?? 0]);
    const both = node.attributes.self ? tf.add(symmetric, tf.mul(symmetric, tf.eye(count ?? 0))) : symmetric;
    const dVectors = tf.matMul(both, vectors);
    const dx = tf.add(
      tf.reshape(tf.slice(dVectors, [0, 0, 0], [-1, 1, -1]), [-1, width ?? 0]),
      tf.slice(g, [0, 0], [-1, width ?? 0]),
    );
    return {
      inputs: [tf.reshape(dx, x.shape), tf.reshape(tf.slice(dVectors, [0, 1, 0], [-1, -1, -1]), rows.shape)],
      params: [],
    };
  },
};
