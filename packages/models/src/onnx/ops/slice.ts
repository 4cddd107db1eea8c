import { type Lower, sliceLast } from "./lower.js";

export const slice: Lower<"slice"> = ({ graph, node, inputs: [x] }) => {
  const { from, to, squeeze, axis = 0 } = node.attributes;
  const taken = sliceLast(graph, x, 1 + axis, from, to);
  return squeeze ? graph.node("Squeeze", [taken, graph.ints([1 + axis])]) : taken;
};
