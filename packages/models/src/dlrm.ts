import { ConfigError, checkOptions, type Program } from "@fae/core";
import { dlrmKinds } from "./config-kinds.js";
import { addMlp, emptyDraft } from "./layers.js";
import { addTower, checkTower, interactionWidth, type TowerConfig } from "./tower.js";

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
  const { name = "dlrm", width, denseFeatures, tableRows, topMlp, interaction = "dot" } = config;
  if (topMlp[topMlp.length - 1] !== 1)
    throw new ConfigError(`The top MLP ends with ${topMlp[topMlp.length - 1]} values; a click has one logit.`, {
      fix: "Make the last size of 'topMlp' 1.",
      details: { option: "topMlp", found: topMlp, expected: 1 },
    });
  const draft = emptyDraft();
  const input = addTower(draft, config, "", 0);
  const sizes = [interactionWidth(interaction, tableRows.length, width), ...topMlp];
  const logit = addMlp(draft, { name: "top_l", input, sizes, hidden: "relu", last: "none" });
  return { name, denseFeatures, steps: 0, width, ...draft, logit };
}
