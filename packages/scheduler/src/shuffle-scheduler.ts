import type { BatchIndex, SourceIndex } from "@fae/core";
import { checkArguments, checkOptions, DivergedError, is, PlanError } from "@fae/core";
import type { OrderMachine } from "./order.js";
import { checkIndex, segment } from "./segments.js";

/** Percent of each class that runs before the other class has its turn. */
export const shuffleRate = { start: 50, least: 1, most: 100, improvementsToDouble: 4 } as const;

/** One test of the held-out inputs. */
export interface ShuffleTest {
  readonly epoch: number;
  /** Batches of the epoch done before the test. */
  readonly coldBatches: number;
  readonly hotBatches: number;
  /** Percent, as it was in the cycle that ended with this test. */
  readonly rate: number;
  readonly testLoss: number;
}

/** A class of inputs: all rows hot, or not. */
export type InputClass = "cold" | "hot";

/**
 * All that the Shuffle Scheduler knows. A cycle is a run of one class, a run of the other and a test; the state is always
 * inside one, and the test is due when both runs are done.
 */
export interface ShuffleState {
  readonly kind: "shuffle";
  /** The class that begins each cycle. */
  readonly first: InputClass;
  readonly epoch: number;
  /** Percent, `shuffleRate.least` to `shuffleRate.most`. */
  readonly rate: number;
  /** Tests in a row, since the rate last changed, that were better than the one before; an equal one keeps the count. */
  readonly improvements: number;
  /** Loss of the latest test; null before the first. */
  readonly previousLoss: number | null;
  /** Next batch, end of this cycle's run, and number of batches, per class. */
  readonly cold: ClassState;
  readonly hot: ClassState;
  /** All tests so far, oldest first. */
  readonly trace: readonly ShuffleTest[];
}

export interface ClassState {
  readonly next: number;
  readonly runEnd: number;
  readonly batches: number;
}

/**
 * The Shuffle Scheduler of FAE: `rate` percent of one class, then `rate` percent of the other, then a test, until the epoch is
 * done. A worse test halves the rate (finer interleaving), four better ones in a row double it; 1 to 100 %. Rate, count and
 * last loss live on over epochs. An empty class has empty runs; a test follows each cycle.
 */
export const shuffleScheduler: OrderMachine<ShuffleState> = {
  start: (index) => startShuffle(index),
  next(state, index) {
    const { cold, hot } = classes(index);
    checkFits(state, cold, hot);
    if (state.epoch >= index.epochs || cold.batches + hot.batches === 0) return null;
    for (const which of [state.first, other(state.first)]) {
      const { next, runEnd } = state[which];
      if (next === runEnd) continue;
      const where =
        which === "cold"
          ? ({ route: "hybrid", source: cold.name, epoch: state.epoch } as const)
          : ({ route: "hot", source: hot.name, epoch: state.epoch } as const);
      return segment(index, where, next, runEnd);
    }
    return { kind: "test" };
  },
  after(state, step, feedback) {
    if (step.kind === "test") return afterTest(state, feedback.testLoss);
    const which = step.route === "hot" ? "hot" : "cold";
    return { ...state, [which]: { ...state[which], next: state[which].next + step.batches.length } };
  },
};

const other = (which: InputClass): InputClass => (which === "cold" ? "hot" : "cold");

export interface ShuffleStart {
  /** Percent of each class in the first cycles, a whole number from 1 to 100; default `shuffleRate.start`. */
  readonly rate?: number;
  /**
   * The class that begins each cycle. `smaller`, the default: the one with fewer batches, cold when they are equal, so that
   * an epoch ends on the class that most inputs are of.
   */
  readonly first?: InputClass | "smaller";
}

/** The state of the beginning. @throws ConfigError for a rate outside its range */
export function startShuffle(index: BatchIndex, options: ShuffleStart = {}): ShuffleState {
  checkArguments("startShuffle", { index: [index, is.having("a batch index")] });
  checkOptions<ShuffleStart>("startShuffle", options, {
    rate: is.maybe(is.whole(shuffleRate.least, shuffleRate.most)),
    first: is.maybe(is.oneOf(["smaller", "cold", "hot"])),
  });
  const { rate = shuffleRate.start, first = "smaller" } = options;
  checkIndex(index);
  const { cold, hot } = classes(index);
  return openCycle({
    kind: "shuffle",
    first: first !== "smaller" ? first : hot.batches < cold.batches ? "hot" : "cold",
    epoch: 0,
    rate,
    improvements: 0,
    previousLoss: null,
    cold: { next: 0, runEnd: 0, batches: cold.batches },
    hot: { next: 0, runEnd: 0, batches: hot.batches },
    trace: [],
  });
}

/** Rate and counts after a test. @throws PlanError without a loss, DivergedError when it is not finite. */
export function adjustRate(
  state: Pick<ShuffleState, "rate" | "improvements" | "previousLoss">,
  testLoss: number,
): Pick<ShuffleState, "rate" | "improvements" | "previousLoss"> {
  const { rate, improvements, previousLoss } = state;
  if (previousLoss !== null && testLoss > previousLoss)
    return { rate: Math.max(rate / 2, shuffleRate.least), improvements: 0, previousLoss: testLoss };
  if (testLoss === previousLoss) return state;
  return improvements + 1 < shuffleRate.improvementsToDouble
    ? { rate, improvements: improvements + 1, previousLoss: testLoss }
    : { rate: Math.min(2 * rate, shuffleRate.most), improvements: 0, previousLoss: testLoss };
}

function afterTest(state: ShuffleState, testLoss: number | undefined): ShuffleState {
  if (testLoss === undefined)
    throw new PlanError("The Shuffle Scheduler asked for a test and was given no test loss.", {
      fix: "Evaluate the held-out inputs and send { testLoss } back to the order.",
    });
  if (!Number.isFinite(testLoss))
    throw new DivergedError(`The test loss is ${testLoss} in epoch ${state.epoch}.`, {
      fix: "Lower the learning rate.",
      details: { testLoss, epoch: state.epoch },
    });
  const done: ShuffleTest = {
    epoch: state.epoch,
    coldBatches: state.cold.next,
    hotBatches: state.hot.next,
    rate: state.rate,
    testLoss,
  };
  const tested = { ...state, ...adjustRate(state, testLoss), trace: [...state.trace, done] };
  const epochDone = state.cold.next === state.cold.batches && state.hot.next === state.hot.batches;
  if (!epochDone) return openCycle(tested);
  return openCycle({
    ...tested,
    epoch: state.epoch + 1,
    cold: { ...state.cold, next: 0 },
    hot: { ...state.hot, next: 0 },
  });
}

const openCycle = (state: ShuffleState): ShuffleState => ({
  ...state,
  cold: openRun(state.cold, state.rate),
  hot: openRun(state.hot, state.rate),
});

// rate * batches is exact (a rate is a dyadic fraction), so a whole quotient is not rounded up by one.
const openRun = (run: ClassState, rate: number): ClassState => ({
  ...run,
  runEnd: Math.min(run.next + Math.ceil((rate * run.batches) / 100), run.batches),
});

function classes(index: BatchIndex): { cold: SourceIndex; hot: SourceIndex } {
  if (index.hot === undefined || index.cold === undefined)
    throw new PlanError("The order of strategy fae needs hot and cold inputs, and the data set is not packed.", {
      fix: "Run `fae profile` and `fae pack`, then train on the packed data set.",
      details: { hot: index.hot !== undefined, cold: index.cold !== undefined },
    });
  return { cold: index.cold, hot: index.hot };
}

function checkFits(state: ShuffleState, cold: SourceIndex, hot: SourceIndex): void {
  if (state.cold.batches === cold.batches && state.hot.batches === hot.batches) return;
  throw new PlanError(
    `The order to resume has ${state.cold.batches} cold and ${state.hot.batches} hot batches per epoch, this data set and batch size have ${cold.batches} and ${hot.batches}.`,
    {
      fix: "Resume with the packed data set and the batch size that the checkpoint was made with.",
      details: { expected: [state.cold.batches, state.hot.batches], found: [cold.batches, hot.batches] },
    },
  );
}
