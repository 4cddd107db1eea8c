import { elements, interactionPairs, type NodeOf, type OpName, type OpTable } from "@fae/core";
import type { Tensor, Tf } from "./backend.js";

/** What a kernel sees: tensors are `[B, ...shape]`. */
export interface TfCall<K extends OpName> {
  readonly tf: Tf;
  readonly node: NodeOf<K>;
  readonly inputs: readonly Tensor[];
  readonly params: readonly Tensor[];
}

export interface TfGradientCall<K extends OpName> extends TfCall<K> {
  readonly output: Tensor;
  readonly outputGradient: Tensor;
}

/** Gradients of one node, in the order of its inputs and params. */
export interface TfGradients {
  readonly inputs: readonly Tensor[];
  readonly params: readonly Tensor[];
}

export interface TfKernel<K extends OpName> {
  forward(call: TfCall<K>): Tensor;
  backward(call: TfGradientCall<K>): TfGradients;
}

const last = (x: Tensor): number => x.shape[x.shape.length - 1];
/** `[..., K]` as a matrix `[n, K]`. */
const matrix = (tf: Tf, x: Tensor): Tensor => tf.reshape(x, [-1, last(x)]);

const linear: TfKernel<"linear"> = {
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

const interact: TfKernel<"interact"> = {
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

/** Elements behind the first `keep` per-input axes. */
const restOf = (x: Tensor, keep: number): number => elements(x.shape.slice(1 + keep));

const concat: TfKernel<"concat"> = {
  forward({ tf, node, inputs }) {
    const { keep } = node.attributes;
    const flat = inputs.map((x) => tf.reshape(x, [...x.shape.slice(0, 1 + keep), restOf(x, keep)]));
    return tf.concat(flat, 1 + keep);
  },
  backward({ tf, node, inputs, outputGradient }) {
    const { keep } = node.attributes;
    let at = 0;
    const gradients = inputs.map((x) => {
      const begin = [...new Array<number>(1 + keep).fill(0), at];
      const size = [...outputGradient.shape.slice(0, -1), restOf(x, keep)];
      at += restOf(x, keep);
      return tf.reshape(tf.slice(outputGradient, begin, size), x.shape);
    });
    return { inputs: gradients, params: [] };
  },
};

const slice: TfKernel<"slice"> = {
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

const lengths = (tf: Tf, x: Tensor): Tensor => tf.sqrt(tf.sum(tf.square(x), -1, true));

const normalize: TfKernel<"normalize"> = {
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

/** `[B, R]` as `[B, R, 1]` or `[B, 1, R]`. */
const column = (tf: Tf, x: Tensor): Tensor => tf.reshape(x, [x.shape[0], last(x), 1]);
const row = (tf: Tf, x: Tensor): Tensor => tf.reshape(x, [x.shape[0], 1, last(x)]);

const batchDot: TfKernel<"batch-dot"> = {
  forward: ({ tf, inputs: [h, q] }) => tf.reshape(tf.matMul(h, column(tf, q)), h.shape.slice(0, 2)),
  backward: ({ tf, inputs: [h, q], outputGradient }) => ({
    inputs: [
      tf.matMul(column(tf, outputGradient), row(tf, q)),
      tf.reshape(tf.matMul(h, column(tf, outputGradient), true), q.shape),
    ],
    params: [],
  }),
};

const weightedSum: TfKernel<"weighted-sum"> = {
  forward: ({ tf, inputs: [y, h] }) => tf.reshape(tf.matMul(row(tf, y), h), [h.shape[0], last(h)]),
  backward: ({ tf, inputs: [y, h], outputGradient }) => ({
    inputs: [
      tf.reshape(tf.matMul(h, column(tf, outputGradient)), y.shape),
      tf.matMul(column(tf, y), row(tf, outputGradient)),
    ],
    params: [],
  }),
};

/** Every op on tensors. Gradients are computed here: tfjs-core alone registers none. */
export const kernels: OpTable<{ [K in OpName]: TfKernel<K> }> = {
  linear,
  interact,
  concat,
  slice,
  normalize,
  "batch-dot": batchDot,
  "weighted-sum": weightedSum,
};
