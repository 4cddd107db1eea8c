import { correctedScore, type Evaluation, meanCrossEntropy, metrics, type Metrics as ScoreMetrics } from "@fae/core";

/** Quality on one source, fit for JSON: null where a metric is undefined, e.g. AUC when only one class is present. */
export type Metrics = { readonly [K in keyof ScoreMetrics]: ScoreMetrics[K] | null } & { readonly inputs: number };

/** Metrics of an evaluation. The log loss is the engine's, computed from logits. */
export function evaluationMetrics({ scores, labels, loss, inputs }: Evaluation): Metrics {
  const found = metrics(scores, labels, inputs === 0 ? Number.NaN : loss);
  return {
    inputs,
    accuracy: defined(found.accuracy),
    auc: defined(found.auc),
    logLoss: defined(found.logLoss),
    normalizedEntropy: defined(found.normalizedEntropy),
    calibration: defined(found.calibration),
  };
}

/**
 * An evaluation with the scores that the model gives where nothing is thinned.
 * @param keptNegatives share of the training inputs without a click that were kept
 */
export function corrected(evaluation: Evaluation, keptNegatives: number): Evaluation {
  if (keptNegatives === 1) return evaluation;
  const scores = evaluation.scores.map((score) => correctedScore(score, keptNegatives));
  return { ...evaluation, scores, loss: meanCrossEntropy(scores, evaluation.labels) };
}

const defined = (value: number): number | null => (Number.isFinite(value) ? value : null);
