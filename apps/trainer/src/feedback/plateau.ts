import { checkArguments, checkOptions, is, type Kind, type Shape } from "@fae/core";

/** Lowers the learning rate when a test metric has stopped improving. */
export interface PlateauOptions {
  /** Which way is better: `lower` for a loss, `higher` for AUC. */
  readonly better: "lower" | "higher";
  /** The rate is multiplied by this, in (0, 1); default 0.1. */
  readonly factor?: number;
  /** Tests without improvement that are waited for before the rate falls; default 2. */
  readonly patience?: number;
  /** Differences up to this are no improvement; default 1e-5. */
  readonly threshold?: number;
  /** Tests after a fall that count neither way; default 0. */
  readonly cooldown?: number;
  /** The scale never falls below this; default 0. */
  readonly minScale?: number;
}

const kinds: Shape<PlateauOptions> = {
  better: is.oneOf(["lower", "higher"]),
  factor: is.maybe(is.number("above 0, up to 1", (factor) => factor > 0 && factor <= 1)),
  patience: is.maybe(is.whole()),
  threshold: is.maybe(is.number("0 or more", (threshold) => threshold >= 0)),
  cooldown: is.maybe(is.whole()),
  minScale: is.maybe(is.number("0 or more", (scale) => scale >= 0)),
};
/** A metric may be no number: then it is no improvement. */
export const metricKind: Kind = (found, option) =>
  typeof found === "number" ? undefined : { option, found, expected: "a number" };

/** Plain data: a checkpoint keeps it. */
export interface PlateauState {
  /** The learning rate of the schedule is multiplied by this. */
  readonly scale: number;
  /** Best metric so far; null before the first test. */
  readonly best: number | null;
  /** Tests since the best one. */
  readonly bad: number;
  /** Tests of the cooldown that are left. */
  readonly cooling: number;
}

export const plateauStart: PlateauState = { scale: 1, best: null, bad: 0, cooling: 0 };

/** The state after one more test. A metric that is no number is no improvement. */
export function plateau(state: PlateauState, metric: number, options: PlateauOptions): PlateauState {
  checkArguments("plateau", {
    state: [state, is.having("plateauStart, or what plateau returned")],
    metric: [metric, metricKind],
  });
  checkOptions("plateau", options, kinds);
  const { factor = 0.1, patience = 2, cooldown = 0, minScale = 0 } = options;
  const best = improves(metric, state.best, options) ? metric : state.best;
  if (state.cooling > 0) return { ...state, best, bad: 0, cooling: state.cooling - 1 };
  const bad = best === state.best ? state.bad + 1 : 0;
  if (bad <= patience) return { ...state, best, bad };
  return { best, scale: Math.max(minScale, state.scale * factor), bad: 0, cooling: cooldown };
}

/** Whether a metric is better than the best one by more than the threshold. */
export function improves(
  metric: number,
  best: number | null,
  { better, threshold = 1e-5 }: Pick<PlateauOptions, "better" | "threshold">,
): boolean {
  if (Number.isNaN(metric)) return false;
  if (best === null) return true;
  return better === "lower" ? metric < best - threshold : metric > best + threshold;
}
