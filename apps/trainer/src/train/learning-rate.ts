import { checkArguments, checkOptions, is, type Shape } from "@fae/core";

/** A constant rate, or linear warm-up and then quadratic decay: the policy of the reference's DLRM trainer. */
export interface LearningRateSchedule {
  readonly base: number;
  /** Batches of warm-up; 0 for none. */
  readonly warmupSteps: number;
  /** Batch, counted from 1, at which the decay starts; not before the end of the warm-up. */
  readonly decayStart: number;
  /** Batches of decay; 0 for none. */
  readonly decaySteps: number;
  /** Batches before the first, counted in all of the above; default 0. */
  readonly from?: number;
}

const kinds: Shape<LearningRateSchedule> = {
  base: is.number("0 or more", (rate) => rate >= 0),
  warmupSteps: is.whole(),
  decayStart: is.whole(),
  decaySteps: is.whole(),
  from: is.maybe(is.whole()),
};

const smallest = 1e-7;

/**
 * Rate of update `step` (from 0). With n = from + step + 1, W warm-up and D decay steps from step s:
 * n < W: base n / W. s <= n < s + D: max(1e-7, base ((D - (n - s)) / D)^2). Between the two and after them the last rate
 * is kept, so after a warm-up that a decay follows it is base (W - 1) / W, as in the reference.
 */
export function learningRate(schedule: LearningRateSchedule, step: number): number {
  checkArguments("learningRate", { step: [step, is.whole()] });
  checkOptions("learningRate", schedule, kinds);
  return rateAt(schedule, step);
}

/** The same, unchecked: training asks for every batch. */
export function rateAt(schedule: LearningRateSchedule, step: number): number {
  const { base, warmupSteps, decayStart, decaySteps, from = 0 } = schedule;
  const n = from + step + 1;
  if (n < warmupSteps) return base * (1 - (warmupSteps - n) / warmupSteps);
  if (decaySteps === 0) return base;
  if (n < decayStart) return warmupSteps > 1 ? base * (1 - 1 / warmupSteps) : base;
  const decayed = Math.min(n - decayStart, decaySteps - 1);
  return Math.max(smallest, base * ((decaySteps - decayed) / decaySteps) ** 2);
}
