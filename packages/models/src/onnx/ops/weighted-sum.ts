import type { Lower } from "./lower.js";

export const weightedSum: Lower<"weighted-sum"> = ({ graph, inputs: [y, h] }) => {
  const row = graph.node("Unsqueeze", [y, graph.ints([1])]);
  return graph.node("Squeeze", [graph.node("MatMul", [row, h]), graph.ints([1])]);
};
