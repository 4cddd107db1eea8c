/** Small random programs for tests: the shapes of DLRM and TBSM, with few values. */

import type { Activation } from "../ops/activations.js";
import type { Node } from "../ops/index.js";
import { interactionPairs } from "../ops/interact.js";
import type { Value } from "../ops/types.js";
import type { ParamSpec, Program, TableSpec } from "../program.js";
import type { Random } from "../random.js";

/** A program under construction: adds nodes with fresh names and the parameters they need. */
class Draft {
  readonly params: ParamSpec[] = [];
  readonly nodes: Node[] = [];

  linear(input: Value, [k, m]: readonly [number, number], activation: Activation): Value {
    const name = `l${this.params.length}`;
    const init = { kind: "normal", deviation: Math.sqrt(2 / (k + m)) } as const;
    this.params.push({ name: `${name}.weight`, shape: [m, k], init }, { name: `${name}.bias`, shape: [m], init });
    const params = [`${name}.weight`, `${name}.bias`];
    return this.add({ op: "linear", inputs: [input], params, attributes: { activation, transposed: false } });
  }

  /** `A^T (A x)` with one square parameter used twice. */
  twice(input: Value, k: number): Value {
    const init = { kind: "normal", deviation: Math.sqrt(1 / k) } as const;
    const params = [`a${this.params.length}`];
    this.params.push({ name: params[0], shape: [k, k], init });
    const attributes = { activation: "none", transposed: false } as const;
    const inner = this.add({ op: "linear", inputs: [input], params, attributes });
    return this.add({ op: "linear", inputs: [inner], params, attributes: { ...attributes, transposed: true } });
  }

  add<N extends Omit<Node, "output">>(node: N): Value {
    const output = `v${this.nodes.length}`;
    this.nodes.push({ ...node, output } as unknown as Node);
    return output;
  }
}

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

/** Bottom layers, interaction or concatenation of x and rows per step; returns the value and its width. */
function tower(draft: Draft, random: Random, sizes: ProgramSizes): [Value, number] {
  const { denseFeatures, width, tableRows, steps } = sizes;
  const hidden = 2 + random.below(4);
  const inner = draft.linear("dense", [denseFeatures, hidden], randomActivation(random));
  const x = draft.linear(inner, [hidden, width], randomActivation(random));
  const inputs = [x, "rows"];
  const kind = random.below(3);
  if (kind === 0) {
    const keep = steps === 0 ? 0 : 1;
    return [draft.add({ op: "concat", inputs, params: [], attributes: { keep } }), width * (tableRows.length + 1)];
  }
  const self = kind === 1;
  return [
    draft.add({ op: "interact", inputs, params: [], attributes: { self } }),
    width + interactionPairs(tableRows.length, self),
  ];
}

/** History attention over all steps but the last, the candidate: slice, normalize, batch-dot, weighted-sum. */
function attention(draft: Draft, random: Random, steps: number, input: Value, k: number): [Value, number] {
  const normalized = draft.add({ op: "normalize", inputs: [input], params: [], attributes: { epsilon: 1e-12 } });
  const slice = (from: number, to: number, squeeze: boolean) =>
    draft.add({ op: "slice", inputs: [normalized], params: [], attributes: { from, to, squeeze } });
  const history = slice(0, steps - 1, false);
  const candidate = slice(steps - 1, steps, true);
  const query = random.below(2) === 0 ? candidate : draft.twice(candidate, k);
  const dots = draft.add({ op: "batch-dot", inputs: [history, query], params: [], attributes: {} });
  const weights = random.below(2) === 0 ? dots : draft.linear(dots, [steps - 1, steps - 1], "sigmoid");
  const context = draft.add({ op: "weighted-sum", inputs: [weights, history], params: [], attributes: {} });
  return [draft.add({ op: "concat", inputs: [context, candidate], params: [], attributes: { keep: 0 } }), 2 * k];
}

/** A random program: DLRM-like for `steps` 0, TBSM-like otherwise (then at least 2 steps). */
export function randomProgram(random: Random, sizes: ProgramSizes): Program {
  const draft = new Draft();
  let [value, k] = tower(draft, random, sizes);
  if (sizes.steps > 0) {
    const m = 2 + random.below(5);
    value = draft.linear(value, [k, m], randomActivation(random));
    [value, k] = attention(draft, random, sizes.steps, value, m);
  }
  const hidden = 2 + random.below(5);
  const inner = draft.linear(value, [k, hidden], randomActivation(random));
  const logit = draft.linear(inner, [hidden, 1], "none");
  const tables: TableSpec[] = sizes.tableRows.map((rows, t) => ({
    name: `emb.${t}`,
    rows,
    init: { kind: "uniform", bound: 1 },
  }));
  const { denseFeatures, steps, width } = sizes;
  return { name: steps === 0 ? "dlrm-like" : "tbsm-like", denseFeatures, steps, width, tables, ...draft, logit };
}
