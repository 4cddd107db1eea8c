import type { Numbers } from "./ops/types.js";

/** Smallest value of a log term in the loss, as PyTorch's BCELoss clamps it. */
export const logClamp = -100;

/** Predicted click probability of a logit z: `1 / (1 + exp(-z))`. */
export const score = (logit: number): number => 1 / (1 + Math.exp(-logit));

/**
 * Probability where nothing was left out, of a score learnt from data that kept only a share of the inputs without a click:
 * `p / (p + (1 - p) / kept)`. It lowers the odds by that share, so the order of scores stays.
 * @param kept above 0 to 1
 */
export const correctedScore = (p: number, kept: number): number => (kept === 1 ? p : p / (p + (1 - p) / kept));

/** log(sigmoid(z)) without overflow: `min(z, 0) - log1p(exp(-|z|))`. */
const logScore = (logit: number): number => Math.min(logit, 0) - Math.log1p(Math.exp(-Math.abs(logit)));

/** Binary cross entropy of one input from its logit; each log term is at least -100. */
export const crossEntropy = (logit: number, label: number): number =>
  -(label * Math.max(logScore(logit), logClamp) + (1 - label) * Math.max(logScore(-logit), logClamp));

/** Mean binary cross entropy over `inputs` logits `[inputs, 1]`; labels are 0 or 1. */
export function meanLoss(logits: Numbers, labels: ArrayLike<number>, inputs: number): number {
  let sum = 0;
  for (let i = 0; i < inputs; i++) sum += crossEntropy(logits[i], labels[i]);
  return sum / inputs;
}

/** Gradient of the mean loss: `dL/dz = (sigmoid(z) - y) / inputs`. */
export function lossGradient(out: Numbers, logits: Numbers, labels: ArrayLike<number>, inputs: number): void {
  for (let i = 0; i < inputs; i++) out[i] = (score(logits[i]) - labels[i]) / inputs;
}
