import type { Lower } from "./lower.js";

export const add: Lower<"add"> = ({ graph, node, inputs }) =>
  inputs
    .map((x, i) => {
      const scale = node.attributes.scales[i];
      return scale === 1 ? x : graph.node("Mul", [x, graph.float(scale)]);
    })
    .reduce((a, b) => graph.node("Add", [a, b]));
