import { elements } from "@fae/core";
import type { Lower } from "./lower.js";

export const concat: Lower<"concat"> = ({ graph, node, inputs, inputShapes }) => {
  const { keep } = node.attributes;
  const lead = new Array<number>(1 + keep).fill(0);
  const flat = inputs.map((x, i) =>
    graph.node("Reshape", [x, graph.ints([...lead, elements(inputShapes[i].slice(keep))])]),
  );
  return graph.node("Concat", flat, { axis: 1 + keep });
};
