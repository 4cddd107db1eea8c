import type { Lower } from "./lower.js";

export const activation: Lower<"activation"> = ({ graph, node, inputs: [x] }) =>
  graph.node(node.attributes.kind === "relu" ? "Relu" : "Sigmoid", [x]);
