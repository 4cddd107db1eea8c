/** One list of op cases: shapes, gradients against central differences, and every engine's kernels against float64. */
import { opOf } from "../ops/index.js";
import type { GradientMode, Node, Numbers } from "../ops/types.js";
import { elements } from "../program.js";
import { nameKey, Random } from "../random.js";

export interface OpCase {
  readonly name: string;
  readonly node: Node;
  readonly batch: number;
  /** Without B, one per input of the node. */
  readonly inputShapes: readonly (readonly number[])[];
  readonly paramShapes: readonly (readonly number[])[];
}

const linear = (
  activation: "none" | "relu" | "sigmoid",
  batch: number,
  inputShape: number[],
  m: number,
  { transposed = false, bias = true } = {},
): OpCase => {
  const k = inputShape[inputShape.length - 1];
  return {
    name: `linear ${activation} B=${batch} [${inputShape}] -> ${m}${transposed ? " transposed" : ""}${bias ? "" : " no bias"}`,
    node: {
      op: "linear",
      output: "y",
      inputs: ["x"],
      params: bias ? ["w", "b"] : ["w"],
      attributes: { activation, transposed },
    },
    batch,
    inputShapes: [inputShape],
    paramShapes: [transposed ? [k, m] : [m, k], ...(bias ? [[m]] : [])],
  };
};

const interact = (batch: number, lead: number[], tables: number, width: number, self: boolean): OpCase => ({
  name: `interact B=${batch} [${[...lead, tables, width]}]${self ? " self" : ""}`,
  node: { op: "interact", output: "y", inputs: ["x", "rows"], params: [], attributes: { self } },
  batch,
  inputShapes: [
    [...lead, width],
    [...lead, tables, width],
  ],
  paramShapes: [],
});

const concat = (batch: number, keep: number, inputShapes: number[][]): OpCase => ({
  name: `concat keep=${keep} B=${batch} ${JSON.stringify(inputShapes)}`,
  node: { op: "concat", output: "y", inputs: inputShapes.map((_, i) => `x${i}`), params: [], attributes: { keep } },
  batch,
  inputShapes,
  paramShapes: [],
});

const slice = (batch: number, shape: number[], from: number, to: number, squeeze: boolean): OpCase => ({
  name: `slice ${from}..${to}${squeeze ? " squeeze" : ""} B=${batch} [${shape}]`,
  node: { op: "slice", output: "y", inputs: ["x"], params: [], attributes: { from, to, squeeze } },
  batch,
  inputShapes: [shape],
  paramShapes: [],
});

const normalize = (batch: number, shape: number[], epsilon: number): OpCase => ({
  name: `normalize epsilon=${epsilon} B=${batch} [${shape}]`,
  node: { op: "normalize", output: "y", inputs: ["x"], params: [], attributes: { epsilon } },
  batch,
  inputShapes: [shape],
  paramShapes: [],
});

const attention = (op: "batch-dot" | "weighted-sum", batch: number, rows: number, width: number): OpCase => ({
  name: `${op} B=${batch} [${rows}, ${width}]`,
  node: { op, output: "y", inputs: ["p", "q"], params: [], attributes: {} },
  batch,
  inputShapes: op === "batch-dot" ? [[rows, width], [width]] : [[rows], [rows, width]],
  paramShapes: [],
});

/** Sizes on both sides of vector widths and block edges, single elements, sequences. */
export const opCases: readonly OpCase[] = [
  linear("none", 1, [1], 1),
  linear("relu", 5, [13], 17),
  linear("relu", 33, [64], 16),
  linear("sigmoid", 7, [15], 20),
  linear("none", 4, [3, 9], 5),
  linear("none", 6, [15], 15, { bias: false }),
  linear("none", 6, [15], 7, { transposed: true, bias: false }),
  linear("sigmoid", 3, [2, 6], 11, { transposed: true }),
  interact(1, [], 1, 1, false),
  interact(6, [], 3, 16, false),
  interact(5, [], 26, 8, false),
  interact(4, [], 3, 7, true),
  interact(3, [4], 3, 16, false),
  concat(3, 0, [[5]]),
  concat(5, 0, [[8], [3, 8]]),
  concat(4, 1, [
    [3, 2],
    [3, 4, 2],
    [3, 1],
  ]),
  slice(4, [5, 3], 0, 4, false),
  slice(4, [5, 3], 4, 5, true),
  slice(2, [6], 2, 5, false),
  normalize(5, [15], 1e-12),
  normalize(3, [4, 7], 1e-12),
  normalize(3, [4], 100),
  attention("batch-dot", 4, 20, 15),
  attention("batch-dot", 2, 1, 3),
  attention("weighted-sum", 4, 20, 15),
  attention("weighted-sum", 2, 1, 3),
];

export interface OpData {
  readonly inputs: readonly Float64Array[];
  readonly params: readonly Float64Array[];
  /** dL/dy that the gradients are taken for. */
  readonly outputGradient: Float64Array;
  readonly outputShape: readonly number[];
}

export interface OpResult {
  readonly output: Float64Array;
  readonly inputGradients: readonly Float64Array[];
  readonly paramGradients: readonly Float64Array[];
}

/** Seeded operands in (-1, 1), each exact in float32. */
export function opData(opCase: OpCase): OpData {
  const random = new Random(nameKey(opCase.name));
  const draw = (count: number) => Float64Array.from({ length: count }, () => Math.fround(2 * random.next() - 1));
  const outputShape = opOf(opCase.node.op).shape(opCase.node, opCase.inputShapes, opCase.paramShapes);
  return {
    inputs: opCase.inputShapes.map((shape) => draw(opCase.batch * elements(shape))),
    params: opCase.paramShapes.map((shape) => draw(elements(shape))),
    outputGradient: draw(opCase.batch * elements(outputShape)),
    outputShape,
  };
}

/** The float64 definition's answer. With mode "add" gradients are added to ones. */
export function opReference(opCase: OpCase, data: OpData, mode: Exclude<GradientMode, "none"> = "write"): OpResult {
  const { inputs, params, outputShape, outputGradient } = data;
  const start = (values: Numbers) => new Float64Array(values.length).fill(mode === "add" ? 1 : Number.NaN);
  const result = {
    output: new Float64Array(outputGradient.length),
    inputGradients: inputs.map(start),
    paramGradients: params.map(start),
  };
  const call = { ...opCase, inputs, params, output: result.output, outputShape };
  opOf(opCase.node.op).forward(call);
  opOf(opCase.node.op).backward({
    ...call,
    ...result,
    outputGradient,
    inputModes: inputs.map(() => mode),
    paramModes: params.map(() => mode),
  });
  return result;
}

/** Normalised squared error: sum (a - e)² / sum e²; sum (a - e)² when all expected values are 0. NaN counts as infinite. */
export function normalizedSquaredError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let error = actual.length === expected.length ? 0 : Number.POSITIVE_INFINITY;
  let square = 0;
  for (let i = 0; i < expected.length; i++) {
    error += (actual[i] - expected[i]) ** 2;
    square += expected[i] ** 2;
  }
  const normalized = error / (square || 1);
  return Number.isNaN(normalized) ? Number.POSITIVE_INFINITY : normalized;
}
