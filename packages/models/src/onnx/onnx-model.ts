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

export interface OnnxOptions {
  /** Name of the file of weights relative to the model. */
  readonly dataFile: string;
  /** Texts that the model file carries, by key. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Share of the training inputs without a click that were kept; the graph corrects its scores for it. Default 1. */
  readonly keptNegatives?: number;
}

/**
 * A program as an ONNX graph (opset 17) that predicts. Inputs: `dense` float32 `[N, (S,) F]` as the program sees it (for
 * Criteo ln(x + 1)), `ids` int64 `[N, (S,) sum L]`; output: `probability` float32 `[N, 1]`. Id -1 stands
 * for no row (zeros) in every table; any other id that is no row fails in `Gather`. Weights go to an external file, so tables
 * may exceed 2 GiB.
 */
export function onnxModel(
  program: Program,
  layout: RowLayout,
  { dataFile, metadata = {}, keptNegatives = 1 }: OnnxOptions,
): OnnxModel {
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
  const logit =
    keptNegatives === 1 ? program.logit : graph.node("Add", [program.logit, graph.float(Math.log(keptNegatives))]);
  graph.node("Sigmoid", [logit], {}, "probability");
  graph.output("probability", "float32", ["N", 1]);
  for (const [key, value] of Object.entries(metadata)) graph.metadata(key, value);
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
    const zero = graph.ints([0]);
    // Gather counts numbers below 0 from the end: below -1 they become one that it refuses.
    const isWrong = graph.node("Less", [ids, graph.ints([-1])]);
    const index = graph.node("Where", [isWrong, graph.ints([rows]), graph.node("Max", [ids, zero])]);
    // [N, (S,) L, D]
    const found = graph.node("Gather", [table, index], { axis: 0 });
    const present = graph.node("Cast", [graph.node("GreaterOrEqual", [ids, zero])], { to: 1 });
    const masked = graph.node("Mul", [found, graph.node("Unsqueeze", [present, graph.ints([axis + 1])])]);
    if (bag === 1) return masked;
    return graph.node("ReduceSum", [masked, graph.ints([axis])], { keepdims: 1 });
  });
  graph.node("Concat", pooled, { axis }, "rows");
}
