import { ConfigError, checkOptions, type ParamSpec, type Program, type Value } from "@fae/core";
import { sizes as notEmpty, tbsmKinds } from "./config-kinds.js";
import { add, addMlp, addSquare, type Draft, emptyDraft } from "./layers.js";
import { addTower, checkTower, interactionWidth, type TowerConfig } from "./tower.js";

export interface TbsmConfig extends TowerConfig {
  /** Default `tbsm`. */
  readonly name?: string;
  /** History steps; S = history + 1, the last step is the candidate. */
  readonly history: number;
  /** M of each tower-top layer, ReLU after all of them; the last is V, the width of a step's vector. */
  readonly towerTopMlp: readonly number[];
  /** Number of time-series layers; default 1. */
  readonly heads?: number;
  /** `full` (default): every head sees all history; `shortened`: head j sees the latest round(history (heads - j) / heads) steps. */
  readonly headHistory?: "full" | "shortened";
  /** How the candidate w becomes the query: `def` A^T(A w) (default), `ind` A w, `dot` w. */
  readonly inner?: "def" | "ind" | "dot";
  /** `mlp` (default): attention weights go through an MLP that ends in a sigmoid; `mul`: used as they are. */
  readonly mechanism?: "mlp" | "mul";
  /** Hidden M of the attention MLP; its first and last size are the head's number of history steps. */
  readonly attentionMlp: readonly number[];
  /** M of each layer over (context, candidate); the last is 1. */
  readonly headMlp: readonly number[];
  /** Project every step's vector to the unit sphere; default true. */
  readonly project?: boolean;
}

/** Python's round: halves go to the even neighbour. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** History steps that each head sees, the longest first. */
export function headSteps(history: number, heads: number, headHistory: "full" | "shortened"): number[] {
  return Array.from({ length: heads }, (_, j) =>
    headHistory === "full" ? history : Math.min(history, roundHalfEven((history / heads) * (heads - j))),
  );
}

/** Shape under which the reference stores a parameter: its `ams.<j>.A` has a leading axis of 1. */
export function referenceShape(param: Pick<ParamSpec, "name" | "shape">): readonly number[] {
  return /^ams\.\d+\.A$/.test(param.name) ? [1, ...param.shape] : param.shape;
}

/** One time-series layer: weights of the history steps, then their weighted sum, the context `[B, V]`. */
function addHead(draft: Draft, config: TbsmConfig, head: { index: number; history: Value; candidate: Value }): Value {
  const { inner = "def", mechanism = "mlp", attentionMlp, towerTopMlp } = config;
  const { index, history, candidate } = head;
  const name = `ams.${index}`;
  const params = inner === "dot" ? [] : [addSquare(draft, `${name}.A`, towerTopMlp[towerTopMlp.length - 1])];
  const linear = (output: Value, input: Value, transposed: boolean): Value =>
    add(draft, { op: "linear", output, inputs: [input], params, attributes: { activation: "none", transposed } });
  let query = candidate;
  if (inner !== "dot") query = linear(`${name}.Aw`, candidate, false);
  if (inner === "def") query = linear(`${name}.AtAw`, query, true);
  let weights = add(draft, {
    op: "batch-dot",
    output: `${name}.scores`,
    inputs: [history, query],
    params: [],
    attributes: {},
  });
  if (mechanism === "mlp") {
    const steps = headSteps(config.history, config.heads ?? 1, config.headHistory ?? "full")[index];
    const sizes = [steps, ...attentionMlp, steps];
    weights = addMlp(draft, { name: `${name}.mlp`, input: weights, sizes, hidden: "relu", last: "sigmoid" });
  }
  const output = `${name}.context`;
  return add(draft, { op: "weighted-sum", output, inputs: [weights, history], params: [], attributes: {} });
}

/**
 * The time-based sequence model (Ishkhanov et al., arXiv 2011.09702): one DLRM tower over all S steps at once, then
 * attention of the candidate over the history, per head. Parameters have the names and the starting distributions of
 * facebookresearch/tbsm.
 *
 * @throws ConfigError when sizes do not fit together.
 */
export function tbsm(config: TbsmConfig): Program {
  checkTbsm(config);
  const { name = "tbsm", history, heads = 1, headHistory = "full", project = true, interaction = "dot" } = config;
  const { tableRows, width, denseFeatures, towerTopMlp, headMlp } = config;
  const steps = history + 1;
  const draft = emptyDraft();
  const tower = addTower(draft, config, "dlrm.", steps);
  const towerSizes = [interactionWidth(interaction, tableRows.length, width), ...towerTopMlp];
  const top = addMlp(draft, { name: "dlrm.top_l", input: tower, sizes: towerSizes, hidden: "relu", last: "relu" });
  const vectors = project
    ? add(draft, { op: "normalize", output: "steps", inputs: [top], params: [], attributes: { epsilon: 1e-12 } })
    : top;
  const slice = (output: Value, from: number, to: number, squeeze: boolean): Value =>
    add(draft, { op: "slice", output, inputs: [vectors], params: [], attributes: { from, to, squeeze } });

  const candidate = slice("candidate", history, steps, true);
  const slices = new Map<number, Value>();
  const contexts = headSteps(history, heads, headHistory).map((seen, index) => {
    const value = slices.get(seen) ?? slice(`history.${seen}`, history - seen, history, false);
    slices.set(seen, value);
    return addHead(draft, config, { index, history: value, candidate });
  });
  const sizes = [2 * towerTopMlp[towerTopMlp.length - 1], ...headMlp];
  const outputs = contexts.map((context, j) => {
    const inputs = [context, candidate];
    const input = add(draft, { op: "concat", output: `mlps.${j}.input`, inputs, params: [], attributes: { keep: 0 } });
    return addMlp(draft, { name: `mlps.${j}`, input, sizes, hidden: "relu", last: heads === 1 ? "none" : "sigmoid" });
  });
  let logit = outputs[0];
  if (heads > 1) {
    const input = add(draft, { op: "concat", output: "heads", inputs: outputs, params: [], attributes: { keep: 0 } });
    logit = addMlp(draft, { name: "final_mlp", input, sizes: [heads, heads + 4, 1], hidden: "relu", last: "none" });
  }
  return { name, denseFeatures, steps, width, ...draft, logit };
}

function checkTbsm(config: TbsmConfig): void {
  checkOptions<TbsmConfig>("tbsm", config, tbsmKinds);
  checkTower(config);
  const { history, heads = 1, headHistory = "full", headMlp } = config;
  if (config.mechanism !== "mul")
    checkOptions("tbsm", { attentionMlp: config.attentionMlp }, { attentionMlp: notEmpty });
  if (headMlp[headMlp.length - 1] !== 1)
    throw new ConfigError(`The head MLP ends with ${headMlp[headMlp.length - 1]} values; a click has one logit.`, {
      fix: "Make the last size of 'headMlp' 1.",
      details: { option: "headMlp", found: headMlp, expected: 1 },
    });
  const seen = headSteps(history, heads, headHistory);
  if (seen.some((n) => n < 1))
    throw new ConfigError(`${heads} heads over ${history} history steps leave a head with none: ${seen.join(", ")}.`, {
      fix: "Use fewer heads or a longer history.",
      details: { option: "heads", found: heads, history },
    });
}
