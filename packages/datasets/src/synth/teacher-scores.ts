/** How well the teacher itself predicts the labels of the inputs that were written: no model does better on average. */
export interface TeacherScores {
  readonly inputs: number;
  readonly positives: number;
  /** Area under the ROC curve, from 4,096 bins of the logit (exact to about 1e-4); NaN when one label is missing. */
  readonly auc: number;
  /** Mean of -ln P(label), natural logarithm; NaN without inputs. */
  readonly logLoss: number;
}

/** Sums that give the scores; those of several parts add up. */
export interface ScoreSums {
  /** Inputs by bin of the logit: label 0 first, then label 1. */
  readonly bins: Uint32Array;
  readonly inputs: number;
  readonly loss: number;
}

const bins = 4096;
const reach = 16;

/** Collects the scores of one unit of work. */
export function scoreCounter(): { add(logit: number, label: number): void; sums(): ScoreSums } {
  const counts = new Uint32Array(2 * bins);
  let inputs = 0;
  let loss = 0;
  return {
    add(logit, label) {
      const bin = Math.min(bins - 1, Math.max(0, Math.floor(((logit + reach) * bins) / (2 * reach))));
      counts[label * bins + bin]++;
      inputs++;
      const toward = label === 1 ? logit : -logit;
      loss += toward > 0 ? Math.log1p(Math.exp(-toward)) : Math.log1p(Math.exp(toward)) - toward;
    },
    sums: () => ({ bins: counts, inputs, loss }),
  };
}

/** Running total over units; add them in one order, since sums of losses round. */
export function scoreTotal(): { add(sums: ScoreSums): void; scores(): TeacherScores } {
  const counts = new Float64Array(2 * bins);
  let inputs = 0;
  let loss = 0;
  return {
    add(sums) {
      for (let i = 0; i < counts.length; i++) counts[i] += sums.bins[i];
      inputs += sums.inputs;
      loss += sums.loss;
    },
    scores() {
      let negatives = 0;
      let positives = 0;
      let pairs = 0;
      for (let bin = 0; bin < bins; bin++) {
        pairs += counts[bins + bin] * (negatives + 0.5 * counts[bin]);
        negatives += counts[bin];
        positives += counts[bins + bin];
      }
      return { inputs, positives, auc: pairs / (positives * negatives), logLoss: loss / inputs };
    },
  };
}
