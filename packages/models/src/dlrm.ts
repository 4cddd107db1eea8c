import { checkOptions, type Program, ProgramBuilder } from "@fae/core";
import { dlrmKinds } from "./config-kinds.js";
import { checkHead } from "./layers.js";
import { addTower, checkTower, type TowerConfig } from "./tower.js";

export interface DlrmConfig extends TowerConfig {
  /** Default `dlrm`. */
  readonly name?: string;
  /** M of each top layer; the last is 1. The first layer's K follows from the interaction. */
  readonly topMlp: readonly number[];
}

/**
 * The deep learning recommendation model (Naumov et al., arXiv 1906.00091): bottom MLP over dense features, interaction
 * with the pooled rows, top MLP with ReLU on hidden layers, sigmoid at the end (the program's loss takes the logit).
 * Parameters have the names and the starting distributions of facebookresearch/dlrm.
 *
 * @throws ConfigError when sizes do not fit together.
 */
export function dlrm(config: DlrmConfig): Program {
  checkOptions<DlrmConfig>("dlrm", config, dlrmKinds);
  checkTower(config);
  checkHead("topMlp", "top MLP", config.topMlp);
  const { name = "dlrm", denseFeatures, width, topMlp } = config;
  const b = new ProgramBuilder({ name, denseFeatures, width });
  return b.build(b.mlp(addTower(b, config), topMlp, { name: "top_l", last: "none" }));
}
