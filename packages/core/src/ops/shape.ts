import { ShapeError } from "../errors.js";

type Shape = readonly number[];

/** Number of elements of a shape. */
export const elements = (shape: Shape): number => shape.reduce((product, n) => product * n, 1);

/** `[B, 3, 16]`: a shape as messages show it, the batch axis in front. */
export const showShape = (shape: Shape): string => `[B${shape.map((n) => `, ${n}`).join("")}]`;

/** `[16, 3]`: a parameter's shape as messages show it. */
export const showParamShape = (shape: Shape): string => `[${shape.join(", ")}]`;

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((n, i) => n === b[i]);

/** Last axis of a shape that is known to have one. */
export const lastOf = (shape: Shape): number => shape[shape.length - 1];

interface NodeName {
  readonly op: string;
  readonly output: string;
  readonly inputs: readonly string[];
  readonly params: readonly string[];
}

/** A ShapeError about one operand of a node. */
export function operandError(
  node: NodeName,
  operand: string,
  expected: string,
  found: Shape | string,
  fix: string,
): ShapeError {
  const shown = typeof found === "string" ? found : showShape(found);
  return new ShapeError(`Node '${node.output}' (${node.op}): ${operand} must be ${expected}, found ${shown}.`, {
    fix,
    details: { node: node.output, op: node.op, operand, expected, found: shown },
  });
}

/** Checks how many inputs and parameters a node has. @throws ShapeError */
export function checkArity(node: NodeName, inputs: number, params: readonly number[]): void {
  if (node.inputs.length !== inputs)
    throw operandError(
      node,
      "inputs",
      `${inputs} values`,
      `${node.inputs.length} (${node.inputs.join(", ")})`,
      "Give the node as many inputs as its op takes.",
    );
  if (!params.includes(node.params.length))
    throw operandError(
      node,
      "params",
      `${params.join(" or ")} parameters`,
      `${node.params.length} (${node.params.join(", ")})`,
      "Give the node as many parameters as its op takes.",
    );
}

/** Checks that all inputs of a node have the shape of the first. @throws ShapeError */
export function checkSameShapes(node: NodeName, shapes: readonly Shape[]): void {
  shapes.forEach((shape, i) => {
    if (!sameShape(shape, shapes[0]))
      throw operandError(
        node,
        node.inputs[i],
        showShape(shapes[0]),
        shape,
        `It must have the shape of '${node.inputs[0]}'; nothing is broadcast.`,
      );
  });
}
