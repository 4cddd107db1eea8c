import { checkArguments, checkOptions, is } from "@fae/core";
import { improves, metricKind, type PlateauOptions } from "./plateau.js";

/** Ends training when a test metric has stopped improving. */
export type EarlyStopOptions = Pick<PlateauOptions, "better" | "threshold"> & {
  /** Tests without improvement after which training ends, at least 1. */
  readonly patience: number;
};

/** Plain data: a checkpoint keeps it. */
export interface EarlyStopState {
  readonly best: number | null;
  /** Updates done at the best test. */
  readonly bestStep: number;
  /** Tests since the best one. */
  readonly bad: number;
  readonly isOver: boolean;
}

export const earlyStopStart: EarlyStopState = { best: null, bestStep: 0, bad: 0, isOver: false };

/** The state after one more test, at update `step`. */
export function earlyStop(
  state: EarlyStopState,
  step: number,
  metric: number,
  options: EarlyStopOptions,
): EarlyStopState {
  checkArguments("earlyStop", {
    state: [state, is.having("earlyStopStart, or what earlyStop returned")],
    step: [step, is.whole()],
    metric: [metric, metricKind],
  });
  checkOptions<EarlyStopOptions>("earlyStop", options, {
    better: is.oneOf(["lower", "higher"]),
    threshold: is.maybe(is.number("0 or more", (threshold) => threshold >= 0)),
    patience: is.whole(1),
  });
  if (improves(metric, state.best, options)) return { best: metric, bestStep: step, bad: 0, isOver: false };
  const bad = state.bad + 1;
  return { ...state, bad, isOver: state.isOver || bad >= options.patience };
}
