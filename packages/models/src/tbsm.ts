import { ConfigError, checkOptions, type ParamSpec, type Program, ProgramBuilder, type Value } from "@fae/core";
import { tbsmKinds } from "./config-kinds.js";
import { checkHead, checkSizes } from "./layers.js";
import { addTower, checkTower, type TowerConfig } from "./tower.js";

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
function addHead(b: ProgramBuilder, config: TbsmConfig, index: number, history: Value, candidate: Value): Value {
  const { inner = "def", mechanism = "mlp", attentionMlp } = config;
  const name = `ams.${index}`;
  const [steps, vector] = b.shape(history);
  const params = inner === "dot" ? [] : [b.param(`${name}.A`, [vector, vector])];
  const product = (output: string, x: Value, transposed: boolean): Value =>
    b.op("linear", [x], { activation: "none", transposed }, { name: output, params });
  let query = candidate;
  if (inner !== "dot") query = product(`${name}.Aw`, candidate, false);
  if (inner === "def") query = product(`${name}.AtAw`, query, true);
  let weights = b.batchDot(history, query, { name: `${name}.scores` });
  if (mechanism === "mlp") weights = b.mlp(weights, [...attentionMlp, steps], { name: `${name}.mlp`, last: "sigmoid" });
  return b.weightedSum(weights, history, { name: `${name}.context` });
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
  const { name = "tbsm", history, heads = 1, headHistory = "full", project = true } = config;
  const { width, denseFeatures, towerTopMlp, headMlp } = config;
  const b = new ProgramBuilder({ name, denseFeatures, width, steps: history + 1 });
  const top = b.mlp(addTower(b, config, "dlrm."), towerTopMlp, { name: "dlrm.top_l" });
  const vectors = project ? b.normalize(top, { name: "steps" }) : top;
  const candidate = b.slice(vectors, [history, history + 1], { name: "candidate", squeeze: true });
  const slices = new Map<number, Value>();
  const contexts = headSteps(history, heads, headHistory).map((seen, index) => {
    const value = slices.get(seen) ?? b.slice(vectors, [history - seen, history], { name: `history.${seen}` });
    slices.set(seen, value);
    return addHead(b, config, index, value, candidate);
  });
  const outputs = contexts.map((context, j) => {
    const input = b.concat([context, candidate], { name: `mlps.${j}.input` });
    return b.mlp(input, headMlp, { name: `mlps.${j}`, last: heads === 1 ? "none" : "sigmoid" });
  });
  if (heads === 1) return b.build(outputs[0]);
  return b.build(b.mlp(b.concat(outputs, { name: "heads" }), [heads + 4, 1], { name: "final_mlp", last: "none" }));
}

function checkTbsm(config: TbsmConfig): void {
  checkOptions<TbsmConfig>("tbsm", config, tbsmKinds);
  checkTower(config);
  const { history, heads = 1, headHistory = "full", headMlp } = config;
  checkSizes("history", [history]);
  checkSizes("heads", [heads]);
  checkHead("headMlp", "head MLP", headMlp);
  if (config.mechanism !== "mul") checkSizes("attentionMlp", config.attentionMlp);
  const seen = headSteps(history, heads, headHistory);
  if (seen.some((n) => n < 1))
    throw new ConfigError(`${heads} heads over ${history} history steps leave a head with none: ${seen.join(", ")}.`, {
      fix: "Use fewer heads or a longer history.",
      details: { option: "heads", found: heads, history },
    });
}
