import { compile, denseShape, idsPerStep, type OpName, type Program, type RowLayout, ShapeError } from "@fae/core";
import { type ExternalTensor, Graph } from "./graph.js";
import { lower } from "./ops/index.js";
import { type Lower, sliceLast } from "./ops/lower.js";

export interface OnnxModel {
  /** The serialised model, to be written as `<name>.onnx`. */
  readonly model: Uint8Array;
  /** Tables and parameters, float32 little-endian, each at its offset of the data file beside the model. */
  readonly tensors: readonly ExternalTensor[];
  readonly dataBytes: number;
}

/**
 * A program as an ONNX graph (opset 17) that predicts. Inputs: `dense` float32 `[N, (S,) F]` as the program sees it (for
 * Criteo ln(x + 1)), `ids` int64 `[N, (S,) sum L]`; output: `probability` float32 `[N, 1]`. In bags of more than one id -1
 * stands for no row; one-hot ids must name a row. Weights go to an external file, so tables may exceed 2 GiB.
 * @param dataFile name of the external file relative to the model
 */
export function onnxModel(program: Program, layout: RowLayout, dataFile: string): OnnxModel {
  if (layout.hotness.length !== program.tables.length || layout.denseFeatures !== program.denseFeatures)
    throw new ShapeError(
      `The layout has ${layout.hotness.length} tables and ${layout.denseFeatures} dense features, the program '${program.name}' ${program.tables.length} and ${program.denseFeatures}.`,
      { fix: "Use the layout of the data that the program was made for." },
    );
  const { shapes } = compile(program);
  const graph = new Graph(program.name, dataFile);
  const lead = program.steps === 0 ? [] : [program.steps];
  graph.input("dense", "float32", ["N", ...denseShape(program)]);
  graph.input("ids", "int64", ["N", ...lead, idsPerStep(layout)]);
  for (const { name, shape } of program.params) graph.weight(name, shape);
  addRows(graph, program, layout);
  for (const node of program.nodes) {
    const lowering = lower[node.op] as unknown as Lower<OpName>;
    const output = lowering({
      graph,
      node: node as never,
      inputs: node.inputs,
      inputShapes: node.inputs.map((input) => shapes[input]),
      params: node.params,
    });
    graph.node("Identity", [output], {}, node.output);
  }
  graph.node("Sigmoid", [program.logit], {}, "probability");
  graph.output("probability", "float32", ["N", 1]);
  return { model: graph.finish(), tensors: graph.external, dataBytes: graph.dataBytes };
}

/** Look-up and pooling: the value `rows` `[N, (S,) T, D]`. */
function addRows(graph: Graph, program: Program, layout: RowLayout): void {
  const axis = program.steps === 0 ? 1 : 2; // of the ids, with N; the axis of tables in `rows`
  let from = 0;
  const pooled = program.tables.map(({ name, rows }, t) => {
    const bag = layout.hotness[t];
    const table = graph.weight(name, [rows, program.width]);
    const ids = sliceLast(graph, "ids", axis, from, from + bag);
    from += bag;
    // [N, (S,) L, D]
    if (bag === 1) return graph.node("Gather", [table, ids], { axis: 0 });
    const zero = graph.ints([0]);
    const found = graph.node("Gather", [table, graph.node("Max", [ids, zero])], { axis: 0 });
    const present = graph.node("Cast", [graph.node("GreaterOrEqual", [ids, zero])], { to: 1 });
    const masked = graph.node("Mul", [found, graph.node("Unsqueeze", [present, graph.ints([axis + 1])])]);
    return graph.node("ReduceSum", [masked, graph.ints([axis])], { keepdims: 1 });
  });
  graph.node("Concat", pooled, { axis }, "rows");
}
