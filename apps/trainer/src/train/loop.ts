import {
  type Bytes,
  DivergedError,
  type Feedback,
  type RouteName,
  type Segment,
  type Session,
  type Stage,
  type TestRequest,
  type Traffic,
  trafficKinds,
} from "@fae/core";
import { stopIfAborted } from "../cli/interrupted.js";
import { type EarlyStopOptions, type EarlyStopState, earlyStop, earlyStopStart } from "../feedback/early-stop.js";
import { type PlateauOptions, type PlateauState, plateau, plateauStart } from "../feedback/plateau.js";
import { type LearningRateSchedule, rateAt } from "./learning-rate.js";
import { corrected, evaluationMetrics, type Metrics } from "./metrics.js";
import { addEvaluation, addSegment, embeddingBytes, emptyTotals, type Totals } from "./totals.js";

/** One training segment that is done. */
export interface SegmentEvent {
  readonly kind: "segment";
  /** Updates done after it. */
  readonly step: number;
  readonly epoch: number;
  readonly route: RouteName;
  readonly batches: number;
  readonly inputs: number;
  /** Mean of the losses of its batches. */
  readonly loss: number;
  readonly learningRate: number;
  readonly seconds: number;
  readonly embeddingBytes: number;
  /** Seconds per stage and bytes per kind and direction; those that are zero are left out. */
  readonly stages: Readonly<Partial<Record<Stage, number>>>;
  readonly toDevice: Readonly<Partial<Record<Traffic, number>>>;
  readonly toHost: Readonly<Partial<Record<Traffic, number>>>;
  /** Route mixed: distinct cold rows fetched from the host, and those forwarded on the device instead. */
  readonly coldRows?: number;
  readonly forwardedRows?: number;
  /** Percent of each class that the Shuffle Scheduler runs before the other one has its turn. */
  readonly schedulerRate?: number;
  /** Of this process and on the device, at most one second old. */
  readonly rssBytes?: number;
  readonly deviceBytes?: number;
}

/** One test on held-out inputs during training. */
export interface TestEvent {
  readonly kind: "test";
  readonly step: number;
  /** `scheduler`: the batch order asked for it. `interval`: `testEvery` did. `end`: the best model is kept, and this is the last one. */
  readonly askedBy: "scheduler" | "interval" | "end";
  readonly metrics: Metrics;
  readonly seconds: number;
}

export type LoopEvent = SegmentEvent | TestEvent;

/** Where the loop stands between two steps of the order: plain data, kept in checkpoints. */
export interface LoopState {
  readonly totals: Totals;
  readonly lastRoute: RouteName | null;
  readonly plateau: PlateauState;
  readonly earlyStop: EarlyStopState;
  /** The last test: another one of the same step would say the same. */
  readonly tested: { readonly step: number; readonly loss: number } | null;
}

export interface LoopPlan {
  readonly session: Session;
  readonly order: Generator<Segment | TestRequest, void, Feedback>;
  readonly schedule: LearningRateSchedule;
  /** Name of the source of tests; null when the data have no held-out inputs. */
  readonly testSource: string | null;
  /** Batches between tests besides those the order asks for; 0: none. */
  readonly testEvery: number;
  /** Stops after this many batches. */
  readonly maxBatches: number;
  /** Share of the training inputs without a click that were kept: tests are of corrected scores. Absent: 1. */
  readonly keptNegatives?: number;
  /** Lowers the rate when the loss of tests stops falling. */
  readonly plateau?: PlateauOptions;
  /** Ends training when the loss of tests stops falling. */
  readonly earlyStop?: EarlyStopOptions;
  /** A state that `onBoundary` was given; absent: the beginning. `order` must start where it did. */
  readonly from?: LoopState;
  readonly signal?: AbortSignal;
  onEvent?(event: LoopEvent): void;
  /** Awaited after a test that is better than all before by the measure of `earlyStop`. With it the last weights are tested too. */
  onBest?(step: number): Promise<void>;
  /** Called when a segment has begun to run. */
  onRun?(segment: Segment): void;
  /**
   * Awaited after each step of the order that is not the last; the order has had its feedback. The event of a test just done may
   * be still to come: `tell` brings it forward.
   */
  onBoundary?(state: LoopState, tell: () => Promise<void>): Promise<void>;
}

/**
 * Trains: carries out the order, step by step, feeding losses and test losses back. A segment is cut where a test or the end
 * falls inside it.
 * @throws FaeError ERR_INTERRUPTED between two segments, DivergedError naming the step
 */
export async function runOrder(plan: LoopPlan): Promise<Totals> {
  const { session, order, schedule, maxBatches, testEvery, onEvent } = plan;
  const from = plan.from ?? loopStart();
  const totals = structuredClone(from.totals);
  let { lastRoute, plateau: onPlateau, earlyStop: stopping, tested } = from;
  let lastRate: number | undefined;
  const atLastRate = (error: unknown): never => {
    throw atRate(error, totals.batches, lastRate);
  };
  const isOver = (): boolean => totals.batches >= maxBatches || stopping.isOver;

  // Metrics of a test take JavaScript tens of milliseconds: they are worked out while the engine trains the next segment.
  let untold: (() => TestEvent) | null = null;
  const tell = async (): Promise<void> => {
    const event = untold;
    untold = null;
    if (event) onEvent?.(event());
  };

  const test = async (askedBy: TestEvent["askedBy"]): Promise<number> => {
    if (plan.testSource === null) throw new TypeError("a test was asked for, but there is no source to test on");
    const { batches: step } = totals;
    if (tested?.step === step) return tested.loss;
    await tell();
    const evaluation = corrected(await session.evaluate(plan.testSource), plan.keptNegatives ?? 1);
    addEvaluation(totals, evaluation);
    const { loss, seconds } = evaluation;
    if (!Number.isFinite(loss)) throw unscored(plan.testSource, step, loss);
    tested = { step, loss };
    if (plan.plateau) onPlateau = plateau(onPlateau, loss, plan.plateau);
    if (plan.earlyStop) {
      stopping = earlyStop(stopping, step, loss, plan.earlyStop);
      if (stopping.bestStep === step) await plan.onBest?.(step).catch(atLastRate);
    }
    untold = () => ({ kind: "test", step, askedBy, metrics: evaluationMetrics(evaluation), seconds });
    return loss;
  };

  const train = async (segment: Segment): Promise<Float64Array> => {
    const losses = new Float64Array(segment.batches.length);
    let at = 0;
    while (at < segment.batches.length && !isOver()) {
      stopIfAborted(plan.signal, "Training");
      const toTest = testEvery === 0 ? Number.POSITIVE_INFINITY : testEvery - (totals.batches % testEvery);
      const length = Math.min(segment.batches.length - at, toTest, maxBatches - totals.batches);
      const part: Segment = { ...segment, batches: segment.batches.subarray(at, at + length) };
      const step = totals.batches;
      const rates = Array.from({ length }, (_, i) => onPlateau.scale * rateAt(schedule, step + i));
      const running = session.run(part, rates).catch((error: unknown) => {
        const at = error instanceof DivergedError ? Number(error.details["step"]) : 0;
        throw atRate(error, at, rates[at - step - 1]);
      });
      plan.onRun?.(part);
      const [report] = await Promise.all([running, tell()]);
      expectFinite(report.losses, step, rates);
      if (lastRoute !== null && lastRoute !== segment.route) totals.switches++;
      lastRoute = segment.route;
      addSegment(totals, segment.route, segment.epoch, report);
      lastRate = rates[length - 1];
      losses.set(report.losses, at);
      onEvent?.(segmentEvent(segment, totals.batches, rates[length - 1], report));
      at += length;
      if (length === toTest) await test("interval");
    }
    return losses.subarray(0, at);
  };

  try {
    let step = order.next();
    while (!step.done && !isOver()) {
      stopIfAborted(plan.signal, "Training");
      const feedback: Feedback =
        step.value.kind === "test" ? { testLoss: await test("scheduler") } : { losses: await train(step.value) };
      step = order.next(feedback);
      if (!step.done && !isOver()) {
        const state = { totals, lastRoute, plateau: onPlateau, earlyStop: stopping, tested };
        await plan.onBoundary?.(state, tell).catch(atLastRate);
      }
    }
    if (plan.onBest && totals.batches > 0) await test("end");
  } catch (error) {
    // What failed first is the error to show.
    await tell().catch(() => {});
    throw error;
  }
  await tell();
  return totals;
}

const loopStart = (): LoopState => ({
  totals: emptyTotals(),
  lastRoute: null,
  plateau: plateauStart,
  earlyStop: earlyStopStart,
  tested: null,
});

function segmentEvent(
  segment: Segment,
  step: number,
  rate: number,
  report: Awaited<ReturnType<Session["run"]>>,
): SegmentEvent {
  return {
    kind: "segment",
    step,
    epoch: segment.epoch,
    route: segment.route,
    batches: report.batches,
    inputs: report.inputs,
    loss: report.losses.reduce((sum, loss) => sum + loss, 0) / report.losses.length,
    learningRate: rate,
    seconds: report.totalSeconds,
    embeddingBytes: embeddingBytes(report.bytes),
    stages: nonZero(report.seconds),
    toDevice: nonZero(oneWay(report.bytes, "toDevice")),
    toHost: nonZero(oneWay(report.bytes, "toHost")),
    ...(segment.route === "mixed" && { coldRows: report.coldRows, forwardedRows: report.forwardedRows }),
  };
}

const oneWay = (bytes: Readonly<Bytes>, way: "toDevice" | "toHost") =>
  Object.fromEntries(trafficKinds.map((kind) => [kind, bytes[kind][way]])) as Record<Traffic, number>;

/** Most kinds of bytes and some stages never occur on a route: a line of metrics without them is short. */
const nonZero = <K extends Stage | Traffic>(values: Readonly<Record<K, number>>) =>
  Object.fromEntries(Object.entries<number>(values).filter(([, value]) => value !== 0)) as Partial<Record<K, number>>;

function expectFinite(losses: Float64Array, firstStep: number, rates: readonly number[]): void {
  const bad = losses.findIndex((loss) => !Number.isFinite(loss));
  if (bad < 0) return;
  const step = firstStep + bad + 1;
  throw new DivergedError(`The loss is ${losses[bad]} at step ${step}.`, {
    details: { step, loss: losses[bad], learningRate: rates[bad] },
  });
}

/** A divergence with its step and the learning rate of that; any other error as it is. */
function atRate(error: unknown, step: number, learningRate: number | undefined): unknown {
  if (!(error instanceof DivergedError)) return error;
  return new DivergedError(error.message, { details: { step, learningRate, ...error.details }, cause: error });
}

/** Held-out inputs that the weights give no loss for: of those before the update that brought them here nothing is known. */
export const unscored = (source: string, step: number, loss: number): DivergedError =>
  new DivergedError(`The log loss of the inputs '${source}' is ${loss} after step ${step}.`, {
    details: { step, source, loss: String(loss) },
  });
