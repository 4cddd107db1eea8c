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
 * All metrics of `scores` (float32 probabilities, as engines return them) in one go; sums are float64. `logLoss` is given where
 * it is known better: scores are rounded to float32, and a rounded score near 1 has lost the digits that its log loss needs.
 * @throws ShapeError when the two lengths differ.
 */
export function metrics(scores: Float32Array, labels: Uint8Array, logLoss = meanCrossEntropy(scores, labels)): Metrics {
  checkLengths(scores, labels);
  const inputs = scores.length;
  let correct = 0;
  let positives = 0;
  let scoreSum = 0;
  for (let i = 0; i < inputs; i++) {
    if (scores[i] > 0.5 === (labels[i] === 1)) correct++;
    positives += labels[i];
    scoreSum += scores[i];
  }
  const rate = positives / inputs;
  const entropy = -(rate * Math.log(rate) + (1 - rate) * Math.log(1 - rate));
  return {
    inputs,
    accuracy: correct / inputs,
    auc: auc(scores, labels),
    logLoss,
    normalizedEntropy: logLoss / entropy,
    calibration: positives === 0 ? Number.NaN : scoreSum / positives,
  };
}

/** Mean binary cross entropy of float32 scores, each log term at least -100. */
export function meanCrossEntropy(scores: Float32Array, labels: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < scores.length; i++)
    sum -= Math.max(Math.log(labels[i] === 1 ? scores[i] : 1 - scores[i]), logClamp);
  return sum / scores.length;
}

/**
 * Exact area under the ROC curve: the share of (positive, negative) pairs in which the positive has the higher score, ties
 * one half. Pair counts are exact below 2^52 pairs. NaN when only one class is present or a score is NaN.
 */
export function auc(scores: Float32Array, labels: Uint8Array): number {
  checkLengths(scores, labels);
  let positiveCount = 0;
  for (let i = 0; i < labels.length; i++) positiveCount += labels[i];
  const unsorted = {
    positives: new Uint32Array(positiveCount),
    negatives: new Uint32Array(labels.length - positiveCount),
  };
  const bits = new Int32Array(scores.buffer, scores.byteOffset, scores.length);
  for (let i = 0, p = 0, n = 0; i < labels.length; i++) {
    if (Number.isNaN(scores[i])) return Number.NaN;
    if (labels[i] === 1) unsorted.positives[p++] = orderedKey(bits[i]);
    else unsorted.negatives[n++] = orderedKey(bits[i]);
  }
  const positives = sorted(unsorted.positives);
  const negatives = sorted(unsorted.negatives);
  let below = 0;
  let notAbove = 0;
  let wins = 0;
  for (let i = 0; i < positives.length; i++) {
    while (below < negatives.length && negatives[below] < positives[i]) below++;
    while (notAbove < negatives.length && negatives[notAbove] <= positives[i]) notAbove++;
    wins += below + notAbove;
  }
  return wins / 2 / positives.length / negatives.length;
}

const minusZero = -(2 ** 31);
/** Unsigned number that orders as the float32 with these bits does; one for -0 and 0. */
const orderedKey = (bits: number): number =>
  bits >= 0 || bits === minusZero ? (bits & 0x7fffffff) + 2 ** 31 : ~bits >>> 0;

const digits = 1 << 16;

/** Radix sort by two digits of 16 bits: many times as fast as the sort of a typed array. Returns `keys`. */
function sorted(keys: Uint32Array): Uint32Array {
  const low = new Uint32Array(digits);
  const high = new Uint32Array(digits);
  for (let i = 0; i < keys.length; i++) {
    low[keys[i] & 0xffff]++;
    high[keys[i] >>> 16]++;
  }
  countsToStarts(low);
  countsToStarts(high);
  const byLow = new Uint32Array(keys.length);
  for (let i = 0; i < keys.length; i++) byLow[low[keys[i] & 0xffff]++] = keys[i];
  for (let i = 0; i < byLow.length; i++) keys[high[byLow[i] >>> 16]++] = byLow[i];
  return keys;
}

function countsToStarts(counts: Uint32Array): void {
  let start = 0;
  for (let d = 0; d < counts.length; d++) {
    const count = counts[d];
    counts[d] = start;
    start += count;
  }
}

function checkLengths(scores: Float32Array, labels: Uint8Array): void {
  if (scores.length !== labels.length)
    throw new ShapeError(`There are ${scores.length} scores and ${labels.length} labels.`, {
      fix: "Give one label per score.",
      details: { expected: labels.length, found: scores.length },
    });
}
