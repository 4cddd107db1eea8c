import { checkOptions, type Program, ProgramBuilder, type Value } from "@fae/core";
import { deepfmKinds } from "./config-kinds.js";
import { checkHead } from "./layers.js";

export interface DeepFmConfig {
  /** Default `deepfm`. */
  readonly name?: string;
  /** N of each table. */
  readonly tableRows: readonly number[];
  /** D, at least 2: a row is its first-order weight, then its vector of K = D - 1 values. */
  readonly width: number;
  /** F. */
  readonly denseFeatures: number;
  /** M of each layer of the deep part; the last is 1. */
  readonly topMlp: readonly number[];
}

/** Sum over all pairs of fields of the dots of their vectors: half of (sum of vectors)² - sum of squares. `[1]` */
function addPairs(b: ProgramBuilder, x: Value, vectors: Value): Value {
  const sum = b.add([b.reduceSum(vectors, { squeeze: true, name: "fm.rows" }), x], { name: "fm.sum" });
  const squares = b.reduceSum(b.multiply(vectors, vectors, { name: "fm.squares" }), {
    squeeze: true,
    name: "fm.sum_squares",
  });
  const ofDense = b.multiply(x, x, { name: "fm.dense_squares" });
  const halves = b.add([b.multiply(sum, sum, { name: "fm.square_sum" }), squares, ofDense], {
    scales: [0.5, -0.5, -0.5],
    name: "fm.halves",
  });
  return b.reduceSum(halves, { name: "fm" });
}

/**
 * DeepFM (Guo et al., arXiv 1703.04247): first-order weights, a factorisation machine over the fields' vectors and an MLP over
 * the same vectors, added up. Every table is a field; the dense features together are one more, with a vector `V x` `[K]` and
 * first-order weights that are linear in them. A row holds its first-order weight and its vector, so one look-up serves both.
 *
 * @throws ConfigError when sizes do not fit together.
 */
export function deepfm(config: DeepFmConfig): Program {
  checkOptions<DeepFmConfig>("deepfm", config, deepfmKinds);
  checkHead("topMlp", "deep part", config.topMlp);
  const { name = "deepfm", tableRows, denseFeatures, width, topMlp } = config;
  const b = new ProgramBuilder({ name, denseFeatures, width });
  b.tables(tableRows);
  const weights = b.slice(b.rows, [0, 1], { axis: 1, name: "weights" });
  const vectors = b.slice(b.rows, [1, width], { axis: 1, name: "vectors" });
  const ofDense = b.linear(b.dense, 1, "none", { name: "first_order" });
  const ofRows = b.reduceSum(weights, { squeeze: true, name: "first_order.rows" });
  const x = b.linear(b.dense, width - 1, "none", { name: "dense_vector", bias: false });
  const deep = b.mlp(b.concat([x, vectors], { name: "fields" }), topMlp, { name: "deep", last: "none" });
  return b.build(b.add([ofDense, ofRows, addPairs(b, x, vectors), deep], { name: "logit" }));
}
