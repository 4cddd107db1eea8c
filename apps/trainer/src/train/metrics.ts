/** Quality of predictions on one split. Null where a metric is undefined: no inputs, or only one class. */
export interface Metrics {
  readonly inputs: number;
  /** Share of inputs where (score >= 0.5) equals the label. */
  readonly accuracy: number | null;
  /** Area under the ROC curve, exact: every pair of a positive and a negative input, ties count one half. */
  readonly auc: number | null;
  /** Mean binary cross entropy. */
  readonly logLoss: number | null;
  /** Log loss divided by that of the constant predictor (the split's own label rate); below 1 is better than constant. */
  readonly normalisedEntropy: number | null;
  /** Sum of scores divided by the number of positive inputs; 1 is calibrated. */
  readonly calibration: number | null;
  readonly labelRate: number | null;
}

/** @param loss mean binary cross entropy as the engine computed it from the logits: scores are rounded, logits are not */
export function computeMetrics(scores: Float32Array, labels: Uint8Array, loss: number): Metrics {
  const inputs = scores.length;
  let positives = 0;
  let correct = 0;
  let predicted = 0;
  for (let i = 0; i < inputs; i++) {
    positives += labels[i];
    predicted += scores[i];
    if (scores[i] >= 0.5 === (labels[i] === 1)) correct++;
  }
  const rate = inputs === 0 ? null : positives / inputs;
  const entropy = rate === null || rate === 0 || rate === 1 ? null : binaryEntropy(rate);
  return {
    inputs,
    accuracy: inputs === 0 ? null : correct / inputs,
    auc: exactAuc(scores, labels),
    logLoss: inputs === 0 ? null : loss,
    normalisedEntropy: entropy === null ? null : loss / entropy,
    calibration: positives === 0 ? null : predicted / positives,
    labelRate: rate,
  };
}

/** Log loss of the constant prediction p for inputs with label rate p. */
export const binaryEntropy = (p: number): number => -(p * Math.log(p) + (1 - p) * Math.log1p(-p));

/** Counts pairs over both sorted classes: exact, as pair counts stay far below 2^53. */
export function exactAuc(scores: Float32Array, labels: Uint8Array): number | null {
  let positives = 0;
  for (const label of labels) positives += label;
  const negatives = labels.length - positives;
  if (positives === 0 || negatives === 0) return null;
  const of = [new Float32Array(negatives), new Float32Array(positives)];
  const filled = [0, 0];
  for (let i = 0; i < labels.length; i++) of[labels[i]][filled[labels[i]]++] = scores[i];
  const [low, high] = of.map((values) => values.sort());
  let below = 0;
  let notAbove = 0;
  let doubledPairs = 0;
  for (const score of high) {
    while (below < negatives && low[below] < score) below++;
    notAbove = Math.max(notAbove, below);
    while (notAbove < negatives && low[notAbove] <= score) notAbove++;
    doubledPairs += below + notAbove;
  }
  return doubledPairs / (2 * positives * negatives);
}
