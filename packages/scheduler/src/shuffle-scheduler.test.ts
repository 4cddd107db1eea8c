import type { BatchIndex, Segment, TestRequest } from "@fae/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { follow } from "./order.js";
import { parseOrderState } from "./order-state.js";
import { adjustRate, type ShuffleState, shuffleScheduler, startShuffle } from "./shuffle-scheduler.js";

const index = (cold: number, hot: number, more: Partial<BatchIndex> = {}): BatchIndex => ({
  train: { name: "train", rows: 8 * (cold + hot), batches: cold + hot },
  cold: { name: "cold", rows: 8 * cold, batches: cold },
  hot: { name: "hot", rows: 8 * hot, batches: hot },
  epochs: 1,
  segmentBatches: 1000,
  shuffle: "total",
  ...more,
});

interface Run {
  readonly steps: (Segment | TestRequest)[];
  readonly states: ShuffleState[];
}

function run(at: BatchIndex, loss: (test: number) => number, from?: ShuffleState): Run {
  const steps: Run["steps"] = [];
  const states: ShuffleState[] = [];
  let tests = from?.trace.length ?? 0;
  const order = follow(shuffleScheduler, at, { ...(from && { from }), observe: (state) => states.push(state) });
  for (let step = order.next(); !step.done; ) {
    steps.push(step.value);
    step = order.next(step.value.kind === "test" ? { testLoss: loss(tests++) } : { losses: new Float64Array(1) });
  }
  return { steps, states };
}

const rates = (done: Run) => done.states.at(-1)?.trace.map((test) => test.rate);
const short = (done: Run) =>
  done.steps.map((step) => (step.kind === "test" ? "t" : `${step.route === "hot" ? "h" : "c"}${step.batches.length}`));

describe("rate", () => {
  it("starts where it is told to", () => {
    const at = index(100, 100);
    expect(rates(run(at, (test) => -test, startShuffle(at, { rate: 10 })))).toEqual([10, 10, 10, 10, 20, 20, 20]);
    for (const rate of [0, 101, 2.5, Number.NaN])
      expect(() => startShuffle(at, { rate })).toThrow(
        /startShuffle: rate is (0|101|2\.5|NaN), expected a whole number from 1 to 100/,
      );
  });
  it("starts at 50 and stays while nothing changes", () => {
    expect(rates(run(index(100, 100, { epochs: 3 }), () => 1))).toEqual([50, 50, 50, 50, 50, 50]);
  });

  it("halves on each worse test, down to 1", () => {
    const seen = rates(run(index(100, 100), (test) => test)) ?? [];
    expect(seen.slice(0, 9)).toEqual([50, 50, 25, 12.5, 6.25, 3.125, 3.125, 3.125].slice(0, seen.length));
    const long = rates(run(index(1000, 1000, { epochs: 2 }), (test) => test)) ?? [];
    expect(long.slice(0, 9)).toEqual([50, 50, 25, 12.5, 6.25, 3.125, 1.5625, 1, 1]);
    expect(Math.min(...long)).toBe(1);
  });

  it("doubles after four better tests in a row, up to 100", () => {
    expect(rates(run(index(100, 100, { epochs: 8 }), (test) => -test))).toEqual([
      50, 50, 50, 50, 100, 100, 100, 100, 100, 100,
    ]);
  });

  it("counts again after a worse test and keeps its count over an equal one", () => {
    const losses = [9, 8, 7, 7.5, 7, 6, 6, 5, 4, 3];
    const seen: number[] = [];
    let state = { rate: 50, improvements: 0, previousLoss: null as number | null };
    for (const loss of losses) {
      state = { ...state, ...adjustRate(state, loss) };
      seen.push(state.rate);
    }
    expect(seen).toEqual([50, 50, 50, 25, 25, 25, 25, 25, 50, 50]);
  });

  it("persists over epochs, and so do the count and the last loss", () => {
    const done = run(index(4, 4, { epochs: 3 }), (test) => [2, 3, 2, 1, 0.5, 0.4, 0.3, 0.2, 0.1][test] ?? 0);
    expect(rates(done)).toEqual([50, 50, 25, 25, 25, 25, 50, 50]);
  });

  it("stays within 1 to 100 for any losses", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 60 }), (losses) => {
        let state = { rate: 50, improvements: 0, previousLoss: null as number | null };
        for (const loss of losses) {
          state = { ...state, ...adjustRate(state, loss) };
          expect(state.rate).toBeGreaterThanOrEqual(1);
          expect(state.rate).toBeLessThanOrEqual(100);
          expect(state.improvements).toBeLessThan(4);
        }
      }),
    );
  });
});

describe("order", () => {
  it("runs the smaller class first, then the other, then tests: an epoch ends on the larger class", () => {
    expect(short(run(index(4, 6), () => 1))).toEqual(["c2", "h3", "t", "c2", "h3", "t"]);
    expect(short(run(index(6, 4), () => 1))).toEqual(["h2", "c3", "t", "h2", "c3", "t"]);
    expect(short(run(index(4, 4), () => 1))).toEqual(["c2", "h2", "t", "c2", "h2", "t"]);
  });

  it("runs the class first that it is told to", () => {
    const at = index(6, 4);
    expect(short(run(at, () => 1, startShuffle(at, { first: "cold" })))).toEqual(["c3", "h2", "t", "c3", "h2", "t"]);
    const more = index(4, 6);
    expect(short(run(more, () => 1, startShuffle(more, { first: "hot" })))).toEqual(["h3", "c2", "t", "h3", "c2", "t"]);
  });

  it("cuts runs into segments and never joins two runs", () => {
    expect(short(run(index(10, 4, { segmentBatches: 3 }), () => 1)).join(" ")).toBe("h2 c3 c2 t h2 c3 c2 t");
  });

  it("works with an empty class, a class of one batch, and no batch at all", () => {
    expect(short(run(index(0, 5), () => 1))).toEqual(["h3", "t", "h2", "t"]);
    expect(short(run(index(5, 0), () => 1))).toEqual(["c3", "t", "c2", "t"]);
    expect(short(run(index(1, 6), () => 1))).toEqual(["c1", "h3", "t", "h3", "t"]);
    expect(short(run(index(0, 0, { epochs: 3 }), () => 1))).toEqual([]);
    expect(short(run(index(3, 3, { epochs: 0 }), () => 1))).toEqual([]);
  });

  it("names the epoch, so that each epoch permutes its class afresh", () => {
    const epochs = run(index(2, 2, { epochs: 2 }), () => 1).steps.flatMap((step) =>
      step.kind === "segment" ? [step.epoch] : [],
    );
    expect(epochs).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  });

  it("does not round a whole share up", () => {
    const at = index(700, 100);
    const state: ShuffleState = { ...shuffleScheduler.start(at), rate: 6.25 };
    const tested = shuffleScheduler.after(
      { ...state, cold: { next: 1, runEnd: 1, batches: 700 }, hot: { next: 1, runEnd: 1, batches: 100 } },
      { kind: "test" },
      { testLoss: 1 },
      at,
    );
    expect([tested.cold.runEnd, tested.hot.runEnd]).toEqual([45, 8]);
    const seven = shuffleScheduler.after(
      { ...state, rate: 1, hot: { next: 0, runEnd: 0, batches: 100 }, cold: { next: 0, runEnd: 0, batches: 700 } },
      { kind: "test" },
      { testLoss: 1 },
      at,
    );
    expect([seven.cold.runEnd, seven.hot.runEnd]).toEqual([7, 1]);
  });

  const problem = fc.record({
    cold: fc.integer({ min: 0, max: 90 }),
    hot: fc.integer({ min: 0, max: 90 }),
    epochs: fc.integer({ min: 1, max: 3 }),
    segmentBatches: fc.integer({ min: 1, max: 20 }),
    losses: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 400, maxLength: 400 }),
  });

  it("runs every batch of both classes exactly once per epoch, in rising order", () => {
    fc.assert(
      fc.property(problem, ({ cold, hot, losses, ...more }) => {
        const done = run(index(cold, hot, more), (test) => losses[test % losses.length]);
        for (let epoch = 0; epoch < more.epochs; epoch++)
          for (const [source, batches] of [
            ["cold", cold],
            ["hot", hot],
          ] as const) {
            const seen = done.steps.flatMap((step) =>
              step.kind === "segment" && step.source === source && step.epoch === epoch ? [...step.batches] : [],
            );
            expect(seen).toEqual(Array.from({ length: batches }, (_, i) => i));
          }
        for (const step of done.steps)
          if (step.kind === "segment") expect(step.batches.length).toBeLessThanOrEqual(more.segmentBatches);
      }),
    );
  });

  it("takes the same share of both classes in every cycle", () => {
    fc.assert(
      fc.property(problem, ({ cold, hot, losses, ...more }) => {
        const done = run(index(cold, hot, more), (test) => losses[test % losses.length]);
        let before = { epoch: 0, coldBatches: 0, hotBatches: 0 };
        for (const test of done.states.at(-1)?.trace ?? []) {
          if (test.epoch !== before.epoch) before = { epoch: test.epoch, coldBatches: 0, hotBatches: 0 };
          const due = (batches: number, from: number) =>
            Math.min(Math.ceil((test.rate * batches) / 100), batches - from);
          expect(test.coldBatches - before.coldBatches).toBe(due(cold, before.coldBatches));
          expect(test.hotBatches - before.hotBatches).toBe(due(hot, before.hotBatches));
          before = test;
        }
      }),
    );
  });

  it("goes on from any state, through JSON, as if it had never stopped", () => {
    fc.assert(
      fc.property(problem, fc.nat(), ({ cold, hot, losses, ...more }, pick) => {
        const at = index(cold, hot, more);
        const loss = (test: number) => losses[test % losses.length];
        const whole = run(at, loss);
        if (whole.states.length === 0) return;
        const cut = pick % whole.states.length;
        const from = parseOrderState(JSON.parse(JSON.stringify(whole.states[cut]))) as ShuffleState;
        const rest = run(at, loss, from);
        expect(rest.steps).toEqual(whole.steps.slice(cut + 1));
        expect(rest.states).toEqual(whole.states.slice(cut + 1));
      }),
      { numRuns: 50 },
    );
  });
});

describe("refuses", () => {
  it("a data set that is not packed", () => {
    const { hot, cold, ...unpacked } = index(1, 1);
    expect(() => shuffleScheduler.start(unpacked)).toThrow(/fae pack/);
  });

  it("to go on without a test loss, or with one that is not finite", () => {
    const order = follow(shuffleScheduler, index(0, 1));
    order.next();
    order.next({});
    expect(() => order.next({})).toThrow(/testLoss/);
    const diverged = follow(shuffleScheduler, index(0, 1));
    diverged.next();
    diverged.next({});
    expect(() => diverged.next({ testLoss: Number.NaN })).toThrow(/test loss is NaN/);
  });

  it("a state of other data", () => {
    const state = shuffleScheduler.start(index(3, 3));
    expect(() => shuffleScheduler.next(state, index(3, 4))).toThrow(/3 cold and 3 hot/);
  });
});
