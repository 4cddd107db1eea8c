import { describe, expect, it } from "vitest";
import { type NamedOpCase, type OpData, opCases, opData, opReference } from "../conformance/cases.js";
import { ShapeError } from "../errors.js";
import { type Node, opOf, ops } from "./index.js";

const step = 1e-5;

/** d(sum of output * outputGradient)/d operand by central differences. */
function differences(opCase: NamedOpCase, data: OpData, operand: Float64Array): Float64Array {
  const output = new Float64Array(data.outputGradient.length);
  const weighted = () => {
    opOf(opCase.node.op).forward({ ...opCase, ...data, output });
    return output.reduce((sum, y, i) => sum + y * data.outputGradient[i], 0);
  };
  return operand.map((value, i) => {
    operand[i] = value + step;
    const above = weighted();
    operand[i] = value - step;
    const below = weighted();
    operand[i] = value;
    return (above - below) / (2 * step);
  });
}

const plainNode = { output: "y", inputs: ["a", "b"], params: [] };

const worst = (a: Float64Array, b: Float64Array) => a.reduce((max, x, i) => Math.max(max, Math.abs(x - b[i])), 0);

describe("ops", () => {
  it("every op has a case", () => {
    expect(new Set(opCases.map((c) => c.node.op))).toEqual(new Set(Object.keys(ops)));
  });

  it.each(opCases.map((c) => [c.name, c] as const))("gradients of %s are the central differences", (_, opCase) => {
    const data = opData(opCase);
    const { inputGradients, paramGradients } = opReference(opCase, data);
    data.inputs.forEach((operand, i) => {
      expect(worst(differences(opCase, data, operand), inputGradients[i])).toBeLessThan(1e-6);
    });
    data.params.forEach((operand, i) => {
      expect(worst(differences(opCase, data, operand), paramGradients[i])).toBeLessThan(1e-6);
    });
  });

  it.each(opCases.map((c) => [c.name, c] as const))("adding to a gradient of %s keeps what was there", (_, opCase) => {
    const data = opData(opCase);
    const written = opReference(opCase, data, "write");
    const added = opReference(opCase, data, "add");
    const plusOne = (values: readonly Float64Array[]) => values.map((v) => v.map((x) => x + 1));
    for (const kind of ["inputGradients", "paramGradients"] as const)
      plusOne(written[kind]).forEach((expected, i) => {
        expect(worst(expected, added[kind][i])).toBeLessThan(1e-12);
      });
  });

  it("interact lists x, then the strict lower triangle row by row", () => {
    const node: Node = { op: "interact", output: "y", inputs: ["x", "r"], params: [], attributes: { self: false } };
    const output = new Float64Array(5);
    ops.interact.forward({
      node,
      batch: 1,
      inputs: [Float64Array.of(1, 10), Float64Array.of(2, 20, 3, 30)],
      inputShapes: [[2], [2, 2]],
      params: [],
      paramShapes: [],
      output,
      outputShape: [5],
    });
    expect([...output]).toEqual([1, 10, 202, 303, 606]);
  });

  const refused: [string, Node, number[][], number[][]][] = [
    ["linear's weight", linearNode(["w"]), [[4]], [[3, 5]]],
    ["linear's bias", linearNode(["w", "b"]), [[4]], [[3, 4], [4]]],
    ["linear's parameter count", linearNode([]), [[4]], []],
    [
      "interact's rows",
      { op: "interact", output: "y", inputs: ["x", "r"], params: [], attributes: { self: false } },
      [[4], [3, 5]],
      [],
    ],
    [
      "concat's kept axes",
      { op: "concat", output: "y", inputs: ["x", "r"], params: [], attributes: { keep: 1 } },
      [
        [4, 2],
        [3, 2],
      ],
      [],
    ],
    [
      "slice's end",
      { op: "slice", output: "y", inputs: ["x"], params: [], attributes: { from: 2, to: 6, squeeze: false } },
      [[5, 2]],
      [],
    ],
    [
      "slice's squeeze",
      { op: "slice", output: "y", inputs: ["x"], params: [], attributes: { from: 2, to: 4, squeeze: true } },
      [[5, 2]],
      [],
    ],
    [
      "normalize's epsilon",
      { op: "normalize", output: "y", inputs: ["x"], params: [], attributes: { epsilon: 0 } },
      [[5]],
      [],
    ],
    [
      "batch-dot's vector",
      { op: "batch-dot", output: "y", inputs: ["h", "q"], params: [], attributes: {} },
      [[5, 3], [4]],
      [],
    ],
    [
      "weighted-sum's weights",
      { op: "weighted-sum", output: "y", inputs: ["y0", "h"], params: [], attributes: {} },
      [[4], [5, 3]],
      [],
    ],
    [
      "slice's axis",
      { op: "slice", output: "y", inputs: ["x"], params: [], attributes: { from: 0, to: 1, squeeze: false, axis: 2 } },
      [[5, 2]],
      [],
    ],
    ["multiply's second input", { ...plainNode, op: "multiply", attributes: {} }, [[4], [3]], []],
    ["multiply's second input of fewer axes", { ...plainNode, op: "multiply", attributes: {} }, [[3, 4], [4]], []],
    ["add's factors, none", { ...plainNode, inputs: ["a"], op: "add", attributes: { scales: [] } }, [[4]], []],
    ["add's factors", { ...plainNode, op: "add", attributes: { scales: [1] } }, [[4], [4]], []],
    [
      "reduce-sum's axis",
      { ...plainNode, inputs: ["a"], op: "reduce-sum", attributes: { axis: 1, squeeze: false } },
      [[4]],
      [],
    ],
  ];
  it.each(refused)("refuses %s of a wrong shape and names the node", (_, node, inputShapes, paramShapes) => {
    const shape = () => opOf(node.op).shape(node, inputShapes, paramShapes);
    expect(shape).toThrow(ShapeError);
    expect(shape).toThrow(/Node 'y' .* must be .*, found /);
  });
});

function linearNode(params: string[]): Node {
  return { op: "linear", output: "y", inputs: ["x"], params, attributes: { activation: "none", transposed: false } };
}
