/** Small random programs for tests: the shapes of DLRM, TBSM, DCNv2 and DeepFM, with few values. */

import { ProgramBuilder } from "../builder.js";
import type { Activation } from "../ops/activations.js";
import { lastOf } from "../ops/shape.js";
import type { Value } from "../ops/types.js";
import type { Program } from "../program.js";
import type { Random } from "../random.js";

/** Sizes that a random program is made for. */
export interface ProgramSizes {
  readonly denseFeatures: number;
  readonly steps: number;
  readonly width: number;
  readonly tableRows: readonly number[];
}

/** Sometimes smooth: a net this small is easily dead behind ReLU, and then nothing would be compared. */
const randomActivation = (random: Random): Activation =>
  (["relu", "relu", "sigmoid", "none"] as const)[random.below(4)];

/** Bottom layers, interaction or concatenation of x and rows per step. */
function tower(b: ProgramBuilder, random: Random, { steps, width }: ProgramSizes): Value {
  const hidden = 2 + random.below(4);
  const inner = b.linear(b.dense, hidden, randomActivation(random));
  const x = b.linear(inner, width, randomActivation(random));
  const kind = random.below(3);
  return kind === 0
    ? b.concat([x, b.rows], { keep: steps === 0 ? 0 : 1 })
    : b.interact(x, b.rows, { self: kind === 1 });
}

/** `A^T (A x)` with one square parameter used twice. */
function twice(b: ProgramBuilder, x: Value): Value {
  const k = lastOf(b.shape(x));
  const params = [b.param("a", [k, k], { kind: "normal", deviation: Math.sqrt(1 / k) })];
  const inner = b.op("linear", [x], { activation: "none", transposed: false }, { params });
  return b.op("linear", [inner], { activation: "none", transposed: true }, { params });
}

/** History attention over all steps but the last, the candidate: slice, normalize, batch-dot, weighted-sum. */
function attention(b: ProgramBuilder, random: Random, steps: number, input: Value): Value {
  const normalized = b.normalize(input);
  const history = b.slice(normalized, [0, steps - 1]);
  const candidate = b.slice(normalized, [steps - 1, steps], { squeeze: true });
  const query = random.below(2) === 0 ? candidate : twice(b, candidate);
  const dots = b.batchDot(history, query);
  const weights = random.below(2) === 0 ? dots : b.linear(dots, steps - 1, "sigmoid");
  return b.concat([b.weightedSum(weights, history), candidate]);
}

/** A cross layer `x * (W x + b) + x`, or a gate `x * sigmoid(-x)`. */
function crossed(b: ProgramBuilder, random: Random, x: Value): Value {
  if (random.below(2) === 0) return b.add([b.multiply(x, b.linear(x, lastOf(b.shape(x)))), x]);
  return b.multiply(x, b.activation(b.add([x], { scales: [-1] }), "sigmoid"));
}

/** Half of (sum of rows)² - sum of rows²: the pairs of a factorisation machine. */
function pairs(b: ProgramBuilder): Value {
  const axis = b.shape(b.rows).length - 2;
  const sum = b.reduceSum(b.rows, { axis, squeeze: true });
  const squares = b.reduceSum(b.multiply(b.rows, b.rows), { axis, squeeze: true });
  return b.concat([b.add([b.multiply(sum, sum), squares], { scales: [0.5, -0.5] })]);
}

/** A random program: without sequence for `steps` 0, else with attention over at least 2 steps. */
export function randomProgram(random: Random, sizes: ProgramSizes): Program {
  const { denseFeatures, steps, width } = sizes;
  const b = new ProgramBuilder({ name: steps === 0 ? "dlrm-like" : "tbsm-like", denseFeatures, steps, width });
  sizes.tableRows.forEach((rows, t) => {
    b.table(`emb.${t}`, rows, { kind: "uniform", bound: 1 });
  });
  let value = tower(b, random, sizes);
  if (steps > 0) {
    value = b.linear(value, 2 + random.below(5), randomActivation(random));
    value = attention(b, random, steps, value);
  }
  value = b.linear(value, 2 + random.below(5), randomActivation(random));
  if (random.below(3) === 0) value = crossed(b, random, value);
  if (random.below(4) === 0) value = b.concat([value, pairs(b)]);
  return b.build(b.linear(value, 1));
}
