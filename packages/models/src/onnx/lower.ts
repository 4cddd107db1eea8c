import { elements, type NodeOf, type OpName, type OpTable } from "@fae/core";
import type { Graph } from "./graph.js";

/** What a lowering sees: names of its operands in the graph, shapes without N. */
export interface LowerCall<K extends OpName> {
  readonly graph: Graph;
  readonly node: NodeOf<K>;
  readonly inputs: readonly string[];
  readonly inputShapes: readonly (readonly number[])[];
  readonly params: readonly string[];
}

/** Adds one op to the graph and returns the name of its output. */
export type Lower<K extends OpName> = (call: LowerCall<K>) => string;

/** Part of the last axis of x; `count` axes with N. */
export const sliceLast = (graph: Graph, x: string, axis: number, from: number, to: number): string =>
  graph.node("Slice", [x, graph.ints([from]), graph.ints([to]), graph.ints([axis])]);

const linear: Lower<"linear"> = ({ graph, node, inputs: [x], params: [weight, bias] }) => {
  const { activation, transposed } = node.attributes;
  const matrix = transposed ? weight : graph.node("Transpose", [weight], { perm: [1, 0] });
  const product = graph.node("MatMul", [x, matrix]);
  const sum = bias ? graph.node("Add", [product, bias]) : product;
  if (activation === "none") return sum;
  return graph.node(activation === "relu" ? "Relu" : "Sigmoid", [sum]);
};

const interact: Lower<"interact"> = ({ graph, node, inputs: [x, rows], inputShapes: [xShape, rowsShape] }) => {
  const vectors = rowsShape[rowsShape.length - 2] + 1;
  const axis = xShape.length; // of the vectors, with N
  const lead = new Array<number>(axis).fill(0); // 0 keeps an axis as it is
  const stacked = graph.node("Concat", [graph.node("Unsqueeze", [x, graph.ints([axis])]), rows], { axis });
  const perm = [...lead.keys(), axis + 1, axis];
  const products = graph.node("MatMul", [stacked, graph.node("Transpose", [stacked], { perm })]);
  const flat = graph.node("Reshape", [products, graph.ints([...lead, vectors * vectors])]);
  const pairs: number[] = [];
  for (let i = 0; i < vectors; i++)
    for (let j = 0; j < i + (node.attributes.self ? 1 : 0); j++) pairs.push(i * vectors + j);
  return graph.node("Concat", [x, graph.node("Gather", [flat, graph.ints(pairs)], { axis })], { axis });
};

const concat: Lower<"concat"> = ({ graph, node, inputs, inputShapes }) => {
  const { keep } = node.attributes;
  const lead = new Array<number>(1 + keep).fill(0);
  const flat = inputs.map((x, i) =>
    graph.node("Reshape", [x, graph.ints([...lead, elements(inputShapes[i].slice(keep))])]),
  );
  return graph.node("Concat", flat, { axis: 1 + keep });
};

const slice: Lower<"slice"> = ({ graph, node, inputs: [x] }) => {
  const { from, to, squeeze } = node.attributes;
  const taken = sliceLast(graph, x, 1, from, to);
  return squeeze ? graph.node("Squeeze", [taken, graph.ints([1])]) : taken;
};

const normalize: Lower<"normalize"> = ({ graph, node, inputs: [x], inputShapes: [shape] }) => {
  const length = graph.node("ReduceL2", [x], { axes: [shape.length], keepdims: 1 });
  return graph.node("Div", [x, graph.node("Max", [length, graph.float(node.attributes.epsilon)])]);
};

const batchDot: Lower<"batch-dot"> = ({ graph, inputs: [h, q] }) => {
  const column = graph.node("Unsqueeze", [q, graph.ints([2])]);
  return graph.node("Squeeze", [graph.node("MatMul", [h, column]), graph.ints([2])]);
};

const weightedSum: Lower<"weighted-sum"> = ({ graph, inputs: [y, h] }) => {
  const row = graph.node("Unsqueeze", [y, graph.ints([1])]);
  return graph.node("Squeeze", [graph.node("MatMul", [row, h]), graph.ints([1])]);
};

/** Every op in ONNX opset 17. */
export const lower: OpTable<{ [K in OpName]: Lower<K> }> = {
  linear,
  interact,
  concat,
  slice,
  normalize,
  "batch-dot": batchDot,
  "weighted-sum": weightedSum,
};
