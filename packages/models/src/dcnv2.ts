import { checkOptions, type Program, ProgramBuilder, type Value } from "@fae/core";
import { dcnv2Kinds } from "./config-kinds.js";
import { checkHead } from "./layers.js";
import { addBottom, checkTower, type TowerConfig } from "./tower.js";

export interface Dcnv2Config extends Omit<TowerConfig, "interaction"> {
  /** Default `dcnv2`. */
  readonly name?: string;
  /** Cross layers; default 3. */
  readonly crossLayers?: number;
  /** Rank R of the cross layers' matrices; default 512. */
  readonly crossRank?: number;
  /** `stacked` (default): the top MLP reads the crossed features. `parallel`: its hidden layers read the features themselves. */
  readonly structure?: "stacked" | "parallel";
  /** M of each top layer; the last is 1. */
  readonly topMlp: readonly number[];
}

/** `x0 * (W (V x) + b) + x`, with V `[R, N]` and W `[N, R]`. */
function addCross(b: ProgramBuilder, features: Value, x: Value, rank: number, name: string): Value {
  const [n] = b.shape(features);
  const projected = b.linear(x, rank, "none", { name: `${name}.v`, bias: false });
  const expanded = b.linear(projected, n, "none", { name: `${name}.w` });
  return b.add([b.multiply(features, expanded, { name: `${name}.product` }), x], { name });
}

/**
 * The deep and cross network, second version (Wang et al., arXiv 2008.13535), in the form of MLPerf's DLRM-DCNv2: bottom MLP
 * over dense features, side by side with the pooled rows `[N]`, low-rank cross layers, top MLP with ReLU on hidden layers.
 * `parallel` runs the hidden layers of the top MLP over the features themselves; its last layer reads both.
 *
 * @throws ConfigError when sizes do not fit together.
 */
export function dcnv2(config: Dcnv2Config): Program {
  checkOptions<Dcnv2Config>("dcnv2", config, dcnv2Kinds);
  checkDcnv2(config);
  const {
    name = "dcnv2",
    denseFeatures,
    width,
    topMlp,
    crossLayers = 3,
    crossRank = 512,
    structure = "stacked",
  } = config;
  const b = new ProgramBuilder({ name, denseFeatures, width });
  const features = b.concat([addBottom(b, config), b.rows], { name: "features" });
  let crossed = features;
  for (let layer = 0; layer < crossLayers; layer++)
    crossed = addCross(b, features, crossed, crossRank, `cross.${layer}`);
  if (structure === "stacked") return b.build(b.mlp(crossed, topMlp, { name: "top_l", last: "none" }));
  const hidden = topMlp.slice(0, -1);
  const deep = hidden.length > 0 ? b.mlp(features, hidden, { name: "top_l" }) : features;
  return b.build(b.linear(b.concat([crossed, deep], { name: "both" }), 1, "none", { name: "head" }));
}

function checkDcnv2(config: Dcnv2Config): void {
  checkTower(config);
  checkHead("topMlp", "top MLP", config.topMlp);
}
