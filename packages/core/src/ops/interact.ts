import { boolean, object } from "../plain.js";
import { checkArity, elements, lastOf, operandError, sameShape } from "./shape.js";
import type { Numbers, OpDefinition } from "./types.js";

export interface InteractAttributes {
  /** Also the dot product of each vector with itself. */
  readonly self: boolean;
}

/** Number of dot products among T + 1 vectors. */
export const interactionPairs = (tables: number, self: boolean): number =>
  ((tables + 1) * (tables + (self ? 2 : 0))) / 2;

/**
 * Inputs x `[..., D]` and rows `[..., T, D]`. With v_0 = x and v_(t+1) = rows[t], the output `[..., D + pairs]` is x followed by
 * the dots v_i . v_j of the lower triangle, i ascending outside, j ascending inside: j < i, or j <= i with `self`.
 */
export const interact: OpDefinition<"interact", InteractAttributes> = {
  op: "interact",
  attributes: object({ self: boolean }),

  shape(node, [x, rows]) {
    checkArity(node, 2, [0]);
    if (x.length === 0) throw operandError(node, node.inputs[0], "[B, ..., D]", x, "Give it at least one axis.");
    const d = lastOf(x);
    if (rows.length !== x.length + 1 || lastOf(rows) !== d || !sameShape(rows.slice(0, x.length - 1), x.slice(0, -1)))
      throw operandError(
        node,
        node.inputs[1],
        `[B, ${[...x.slice(0, -1), "T", d].join(", ")}]`,
        rows,
        `It must match '${node.inputs[0]}', whose vectors have ${d} values.`,
      );
    return [...x.slice(0, -1), d + interactionPairs(rows[rows.length - 2], node.attributes.self)];
  },

  forward({ node, batch, inputs: [x, rows], inputShapes, output, outputShape }) {
    const { d, tables, groups, width } = sizes(batch, inputShapes, outputShape);
    const vectors = new Float64Array((tables + 1) * d);
    const offset = node.attributes.self ? 1 : 0;
    for (let n = 0; n < groups; n++) {
      stack(vectors, x, rows, n, tables, d);
      for (let i = 0; i < d; i++) output[n * width + i] = vectors[i];
      let at = n * width + d;
      for (let i = 0; i <= tables; i++)
        for (let j = 0; j < i + offset; j++) {
          let sum = 0;
          for (let c = 0; c < d; c++) sum += vectors[i * d + c] * vectors[j * d + c];
          output[at++] = sum;
        }
    }
  },

  backward(call) {
    const { node, batch, inputs, inputShapes, outputShape, outputGradient } = call;
    const [x, rows] = inputs;
    const { d, tables, groups, width } = sizes(batch, inputShapes, outputShape);
    const vectors = new Float64Array((tables + 1) * d);
    const gradient = new Float64Array((tables + 1) * d);
    const offset = node.attributes.self ? 1 : 0;
    for (let n = 0; n < groups; n++) {
      stack(vectors, x, rows, n, tables, d);
      gradient.fill(0);
      for (let i = 0; i < d; i++) gradient[i] = outputGradient[n * width + i];
      let at = n * width + d;
      for (let i = 0; i <= tables; i++)
        for (let j = 0; j < i + offset; j++) {
          const g = outputGradient[at++];
          for (let c = 0; c < d; c++) {
            gradient[i * d + c] += g * vectors[j * d + c];
            gradient[j * d + c] += g * vectors[i * d + c];
          }
        }
      put(call.inputGradients[0], call.inputModes[0], n * d, gradient, 0, d);
      put(call.inputGradients[1], call.inputModes[1], n * tables * d, gradient, d, tables * d);
    }
  },

  cases: [
    { batch: 1, inputs: [[1], [1, 1]], attributes: { self: false } },
    { batch: 6, inputs: [[16], [3, 16]], attributes: { self: false } },
    { batch: 5, inputs: [[8], [26, 8]], attributes: { self: false } },
    { batch: 1, inputs: [[64], [26, 64]], attributes: { self: false } },
    { batch: 4, inputs: [[7], [3, 7]], attributes: { self: true } },
    {
      batch: 3,
      inputs: [
        [4, 16],
        [4, 3, 16],
      ],
      attributes: { self: false },
    },
    {
      batch: 3,
      inputs: [
        [2, 5],
        [2, 2, 5],
      ],
      attributes: { self: true },
    },
  ],
  timed: { batch: 2048, inputs: [[64], [26, 64]], attributes: { self: false } },
};

function sizes(batch: number, [xShape, rowsShape]: readonly (readonly number[])[], outputShape: readonly number[]) {
  const d = lastOf(xShape);
  return {
    d,
    tables: rowsShape[rowsShape.length - 2],
    groups: (batch * elements(xShape)) / d,
    width: lastOf(outputShape),
  };
}

function stack(vectors: Float64Array, x: Numbers, rows: Numbers, n: number, tables: number, d: number): void {
  for (let i = 0; i < d; i++) vectors[i] = x[n * d + i];
  for (let i = 0; i < tables * d; i++) vectors[d + i] = rows[n * tables * d + i];
}

function put(
  target: Numbers | null,
  mode: string,
  at: number,
  from: Float64Array,
  fromAt: number,
  count: number,
): void {
  if (!target) return;
  for (let i = 0; i < count; i++) target[at + i] = from[fromAt + i] + (mode === "add" ? target[at + i] : 0);
}
