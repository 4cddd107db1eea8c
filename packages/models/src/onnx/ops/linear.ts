import type { Lower } from "./lower.js";

export const linear: Lower<"linear"> = ({ graph, node, inputs: [x], params: [weight, bias] }) => {
  const { activation, transposed } = node.attributes;
  const matrix = transposed ? weight : graph.node("Transpose", [weight], { perm: [1, 0] });
  const product = graph.node("MatMul", [x, matrix]);
  const sum = bias ? graph.node("Add", [product, bias]) : product;
  if (activation === "none") return sum;
  return graph.node(activation === "relu" ? "Relu" : "Sigmoid", [sum]);
};
