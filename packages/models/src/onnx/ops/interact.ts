import type { Lower } from "./lower.js";

export const interact: Lower<"interact"> = ({ graph, node, inputs: [x, rows], inputShapes: [xShape, rowsShape] }) => {
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
