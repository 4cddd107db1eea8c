import { type Evaluation, metrics, type Metrics as ScoreMetrics } from "@fae/core";

/** Quality on one source, fit for JSON: null where a metric is undefined, e.g. AUC when only one class is present. */
export type Metrics = { readonly [K in keyof ScoreMetrics]: ScoreMetrics[K] | null } & { readonly inputs: number };

/**
 * Metrics of an evaluation. The log loss is the engine's, computed from logits: scores are rounded to float32, and a rounded
 * score near 1 has lost the digits that its log loss needs.
 */
export function evaluationMetrics({ scores, labels, loss }: Evaluation): Metrics {
  const found = metrics(scores, labels);
  const entropy = found.logLoss / found.normalizedEntropy;
  return {
    inputs: found.inputs,
    accuracy: defined(found.accuracy),
    auc: defined(found.auc),
    logLoss: found.inputs === 0 ? null : defined(loss),
    normalizedEntropy: defined(loss / entropy),
    calibration: defined(found.calibration),
  };
}

const defined = (value: number): number | null => (Number.isFinite(value) ? value : null);
