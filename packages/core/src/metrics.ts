import { ShapeError } from "./errors.js";
import { logClamp } from "./loss.js";

/** Quality of scores (predicted probabilities) against labels 0 | 1. */
export interface Metrics {
  readonly inputs: number;
  /** Share of inputs with (score > 0.5) == label: round(p) == y with round(0.5) = 0. */
  readonly accuracy: number;
  /** Area under the ROC curve, exact, ties count one half. NaN when only one class is present. */
  readonly auc: number;
  /** Mean binary cross entropy, each log term at least -100. */
  readonly logLoss: number;
  /** logLoss divided by the entropy of the label rate (the loss of the best constant). NaN when only one class is present. */
  readonly normalizedEntropy: number;
  /** Mean score divided by the label rate. NaN when no label is 1. */
  readonly calibration: number;
}

/**
 * All metrics of `scores` (float32 probabilities, as engines return them) in one go; sums are float64.
 * @throws ShapeError when the two lengths differ.
 */
export function metrics(scores: Float32Array, labels: Uint8Array): Metrics {
  checkLengths(scores, labels);
  const inputs = scores.length;
  let correct = 0;
  let positives = 0;
  let scoreSum = 0;
  let lossSum = 0;
  for (let i = 0; i < inputs; i++) {
    if (scores[i] > 0.5 === (labels[i] === 1)) correct++;
    positives += labels[i];
    scoreSum += scores[i];
    lossSum -= Math.max(Math.log(labels[i] === 1 ? scores[i] : 1 - scores[i]), logClamp);
  }
  const rate = positives / inputs;
  const entropy = -(rate * Math.log(rate) + (1 - rate) * Math.log(1 - rate));
  const logLoss = lossSum / inputs;
  return {
    inputs,
    accuracy: correct / inputs,
    auc: auc(scores, labels),
    logLoss,
    normalizedEntropy: logLoss / entropy,
    calibration: positives === 0 ? Number.NaN : scoreSum / positives,
  };
}

/**
 * Exact area under the ROC curve: the share of (positive, negative) pairs in which the positive has the higher score, ties
 * one half. Sorts two float32 copies; pair counts are exact below 2^52 pairs. NaN when only one class is present or a score
 * is NaN.
 */
export function auc(scores: Float32Array, labels: Uint8Array): number {
  checkLengths(scores, labels);
  let positiveCount = 0;
  for (let i = 0; i < labels.length; i++) positiveCount += labels[i];
  const positives = new Float32Array(positiveCount);
  const negatives = new Float32Array(labels.length - positiveCount);
  for (let i = 0, p = 0, n = 0; i < labels.length; i++) {
    if (Number.isNaN(scores[i])) return Number.NaN;
    // + 0 makes -0 and 0 one score: sort tells them apart, the comparisons below do not.
    if (labels[i] === 1) positives[p++] = scores[i] + 0;
    else negatives[n++] = scores[i] + 0;
  }
  positives.sort();
  negatives.sort();
  let below = 0;
  let notAbove = 0;
  let wins = 0;
  for (const score of positives) {
    while (below < negatives.length && negatives[below] < score) below++;
    while (notAbove < negatives.length && negatives[notAbove] <= score) notAbove++;
    wins += below + notAbove;
  }
  return wins / 2 / positives.length / negatives.length;
}

function checkLengths(scores: Float32Array, labels: Uint8Array): void {
  if (scores.length !== labels.length)
    throw new ShapeError(`There are ${scores.length} scores and ${labels.length} labels.`, {
      fix: "Give one label per score.",
      details: { expected: labels.length, found: scores.length },
    });
}
