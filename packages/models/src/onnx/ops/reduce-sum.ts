import type { Lower } from "./lower.js";

export const reduceSum: Lower<"reduce-sum"> = ({ graph, node, inputs: [x] }) =>
  graph.node("ReduceSum", [x, graph.ints([1 + node.attributes.axis])], { keepdims: node.attributes.squeeze ? 0 : 1 });
