import type { TestEvent } from "../train/loop.js";
import type { RunEvent, StartEvent } from "../train/run-events.js";
import type { RateChange } from "../train/training-state.js";
import { mergeSlices, type Slice, sliceOf } from "./slice.js";
import { pushed, type Thinned, thinned } from "./thinned.js";

/** Points of each curve, at most. A figure is some 600 pixels wide: more could not be seen. */
export const mostPoints = 512;

export type TestPoint = Pick<TestEvent, "step"> & Pick<TestEvent["metrics"], "auc" | "logLoss" | "accuracy">;

/** What the figures of a run show. Its size is bounded, however long the run. */
export interface RunView {
  /** The latest one; null before, or where the run does not say it. */
  readonly start: StartEvent | null;
  /** Steps at which the run was resumed. */
  readonly resumedAt: readonly number[];
  /** Where it was given another learning rate then. */
  readonly rateChanges: readonly RateChange[];
  readonly slices: Thinned<Slice>;
  /** All slices as one; null before the first segment. */
  readonly whole: Slice | null;
  /** Of those that are thinned out, the latest ones stay. */
  readonly tests: Thinned<TestPoint>;
  readonly testSeconds: number;
  /** Over all tests, also those that are thinned out. */
  readonly best: { readonly auc: number; readonly step: number } | null;
  /** Changes of route. */
  readonly switches: number;
  readonly lastRoute: string | null;
  /** Events left out because their steps do not follow those before. */
  readonly disordered: number;
}

export const emptyView = (): RunView => ({
  start: null,
  resumedAt: [],
  rateChanges: [],
  slices: thinned(mostPoints),
  whole: null,
  tests: thinned(mostPoints),
  testSeconds: 0,
  best: null,
  switches: 0,
  lastRoute: null,
  disordered: 0,
});

/** A run as its figures show it, from the lines of `metrics.jsonl`. */
export const runView = (events: Iterable<RunEvent>): RunView => {
  let view = emptyView();
  for (const event of events) view = addEvent(view, event);
  return view;
};

/** The view with one more event. The old one is not to be used any more. */
export function addEvent(view: RunView, event: RunEvent): RunView {
  const done = view.whole?.to ?? 0;
  switch (event.kind) {
    case "start":
      return {
        ...view,
        start: event,
        resumedAt: event.step > 0 ? [...view.resumedAt, event.step] : view.resumedAt,
        rateChanges: [...view.rateChanges, ...rateChange(view.start, event)],
      };
    case "segment": {
      // Steps are sums of batches: what begins elsewhere has lost a line before it, or stands twice.
      if (event.step - event.batches < done || event.batches <= 0) return { ...view, disordered: view.disordered + 1 };
      const slice = sliceOf(event);
      return {
        ...view,
        slices: pushed(view.slices, slice, event.batches, mergeSlices),
        whole: view.whole === null ? slice : mergeSlices(view.whole, slice),
        switches: view.switches + (view.lastRoute === null || view.lastRoute === event.route ? 0 : 1),
        lastRoute: event.route,
      };
    }
    case "test": {
      if (event.step < (view.tests.items.at(-1)?.step ?? 0)) return { ...view, disordered: view.disordered + 1 };
      const { auc, logLoss, accuracy } = event.metrics;
      const isBest = auc !== null && (view.best === null || auc > view.best.auc);
      return {
        ...view,
        tests: pushed(view.tests, { step: event.step, auc, logLoss, accuracy }, 1, (_, later) => later),
        testSeconds: view.testSeconds + event.seconds,
        best: isBest ? { auc, step: event.step } : view.best,
      };
    }
    default:
      return view;
  }
}

const rateChange = (before: StartEvent | null, { step, learningRate }: StartEvent): RateChange[] =>
  before === null || before.learningRate === learningRate
    ? []
    : [{ step, from: before.learningRate, to: learningRate }];

export interface Pace {
  /** Inside training segments. */
  readonly inputsPerSecond: number;
  /** Of the newest slice. */
  readonly latestInputsPerSecond: number;
  /** Done, from 0 to 1; null when the whole is not known. */
  readonly share: number | null;
  /** Until the end, tests on the way included, at the pace so far; null when it is not known. */
  readonly secondsLeft: number | null;
}

export function paceOf({ start, whole, slices, testSeconds }: RunView): Pace {
  const latest = slices.items.at(-1);
  const rate = (slice: Slice | null | undefined): number =>
    slice && slice.seconds > 0 ? slice.inputs / slice.seconds : 0;
  const inputs = whole?.inputs ?? 0;
  const total = start?.inputsTotal ?? 0;
  const share = total > 0 ? Math.min(1, inputs / total) : null;
  const spent = (whole?.seconds ?? 0) + testSeconds;
  return {
    inputsPerSecond: rate(whole),
    latestInputsPerSecond: rate(latest),
    share,
    secondsLeft: total > 0 && inputs > 0 ? (spent / inputs) * Math.max(0, total - inputs) : null,
  };
}
