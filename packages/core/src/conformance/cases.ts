/** One list of op cases, from the ops' own files: gradients against central differences, and every engine's kernels against float64. */
import { type Node, type OpName, opOf, ops } from "../ops/index.js";
import { elements } from "../ops/shape.js";
import type { GradientMode, Numbers, OpCase, Shape } from "../ops/types.js";
import { nameKey, Random } from "../random.js";

/** A case as a kernel runs it: a node that reads `x0`, `x1`, ... and `p0`, `p1`, ... and writes `y`. */
export interface NamedOpCase {
  readonly name: string;
  readonly node: Node;
  readonly batch: number;
  /** Without B, one per input of the node. */
  readonly inputShapes: readonly Shape[];
  readonly paramShapes: readonly Shape[];
}

function named(op: OpName, { batch, inputs, params = [], attributes }: OpCase<unknown>): NamedOpCase {
  const node = {
    op,
    output: "y",
    inputs: inputs.map((_, i) => `x${i}`),
    params: params.map((_, i) => `p${i}`),
    attributes,
  };
  return {
    name: `${op} B=${batch} ${[...inputs, ...params].map((shape) => `[${shape}]`).join(" ")} ${JSON.stringify(attributes)}`,
    node: node as unknown as Node,
    batch,
    inputShapes: inputs,
    paramShapes: params,
  };
}

const names = Object.keys(ops) as OpName[];

/** The cases of every op, for results and gradients: each is in the file of its op. */
export const opCases: readonly NamedOpCase[] = names.flatMap((op) =>
  (opOf(op).cases as readonly OpCase<unknown>[]).map((opCase) => named(op, opCase)),
);

/** One case of every op in the size that models use, for speed. */
export const timedOpCases: readonly NamedOpCase[] = names.map((op) => named(op, opOf(op).timed));

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
export function opData(opCase: NamedOpCase): OpData {
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
export function opReference(
  opCase: NamedOpCase,
  data: OpData,
  mode: Exclude<GradientMode, "none"> = "write",
): OpResult {
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
