import type { Lower } from "./lower.js";

export const batchDot: Lower<"batch-dot"> = ({ graph, inputs: [h, q] }) => {
  const column = graph.node("Unsqueeze", [q, graph.ints([2])]);
  return graph.node("Squeeze", [graph.node("MatMul", [h, column]), graph.ints([2])]);
};
