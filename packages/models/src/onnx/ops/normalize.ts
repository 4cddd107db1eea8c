import type { Lower } from "./lower.js";

export const normalize: Lower<"normalize"> = ({ graph, node, inputs: [x], inputShapes: [shape] }) => {
  const length = graph.node("ReduceL2", [x], { axes: [shape.length], keepdims: 1 });
  return graph.node("Div", [x, graph.node("Max", [length, graph.float(node.attributes.epsilon)])]);
};
