import type { Lower } from "./lower.js";

export const multiply: Lower<"multiply"> = ({ graph, inputs: [a, b] }) => graph.node("Mul", [a, b]);
