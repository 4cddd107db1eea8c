import {
  DivergedError,
  type Evaluation,
  type Feedback,
  type Segment,
  type SegmentReport,
  type Session,
  stages,
  type TestRequest,
  zeroBytes,
} from "@fae/core";
import { expect, test } from "vitest";
import { type LoopEvent, type LoopPlan, type LoopState, runOrder } from "./loop.js";

/** A session that trains nothing: the loss of the n-th batch is n, and each test improves. */
function countingSession(lossOf = (n: number) => n) {
  const ran: { route: string; batches: number[]; rates: number[] }[] = [];
  let batches = 0;
  let tests = 0;
  const session: Session = {
    async run(segment, rates): Promise<SegmentReport> {
      ran.push({ route: segment.route, batches: [...segment.batches], rates: [...rates] });
      const losses = Float64Array.from(segment.batches, () => lossOf(batches++));
      const bytes = zeroBytes();
      bytes.rows.toDevice = 10 * segment.batches.length;
      return {
        batches: segment.batches.length,
        inputs: 4 * segment.batches.length,
        losses,
        totalSeconds: 1,
        seconds: Object.fromEntries(stages.map((stage) => [stage, 0.5])) as SegmentReport["seconds"],
        bytes,
        coldRows: 1,
        forwardedRows: 2,
        switchedRows: 3,
      };
    },
    async evaluate(): Promise<Evaluation> {
      tests++;
      const bytes = zeroBytes();
      bytes.inputs.toDevice = 7;
      return {
        inputs: 2,
        loss: 1 / tests,
        scores: Float32Array.of(0.9, 0.1),
        labels: Uint8Array.of(1, 0),
        seconds: 2,
        bytes,
      };
    },
    read: async () => new Float32Array(0),
    write: async () => {},
    memory: async () => ({ hostBytes: 0, deviceBytes: 0 }),
    [Symbol.asyncDispose]: async () => {},
  };
  return { session, ran };
}

const segment = (route: Segment["route"], batches: number[], epoch = 0): Segment => ({
  kind: "segment",
  route,
  source: "train",
  epoch,
  batches: Uint32Array.from(batches),
});

function* order(steps: readonly (Segment | TestRequest)[], seen: (Feedback | undefined)[] = []) {
  for (const step of steps) seen.push(yield step);
}

const plan = (session: Session, steps: readonly (Segment | TestRequest)[], more: Partial<LoopPlan> = {}): LoopPlan => ({
  session,
  order: order(steps),
  schedule: { base: 0.1, warmupSteps: 0, decayStart: 0, decaySteps: 0 },
  testSource: "check",
  testEvery: 0,
  maxBatches: Number.POSITIVE_INFINITY,
  ...more,
});

test("feeds losses and test losses back and adds everything up", async () => {
  const { session } = countingSession();
  const seen: (Feedback | undefined)[] = [];
  const steps = [segment("hybrid", [0, 1]), segment("hot", [0]), { kind: "test" } as const, segment("hybrid", [2], 1)];
  const totals = await runOrder(plan(session, steps, { order: order(steps, seen) }));
  expect(seen).toEqual([
    { losses: Float64Array.of(0, 1) },
    { losses: Float64Array.of(2) },
    { testLoss: 1 },
    { losses: Float64Array.of(3) },
  ]);
  expect(totals).toMatchObject({
    batches: 4,
    inputs: 16,
    switches: 2,
    trainSeconds: 3,
    evaluateSeconds: 2,
    coldRows: 3,
  });
  expect(totals.routes).toEqual({
    hybrid: { batches: 3, inputs: 12, seconds: 2 },
    hot: { batches: 1, inputs: 4, seconds: 1 },
  });
  expect(totals.epochBytes.map((bytes) => bytes.rows.toDevice)).toEqual([30, 10]);
  expect(totals.evaluateBytes.inputs.toDevice).toBe(7);
});

test("cuts segments where an interval test falls and gives the order all losses of the segment", async () => {
  const { session, ran } = countingSession();
  const seen: (Feedback | undefined)[] = [];
  const steps = [segment("host", [0, 1, 2, 3, 4]), segment("host", [5, 6])];
  const events: LoopEvent[] = [];
  await runOrder(
    plan(session, steps, { order: order(steps, seen), testEvery: 3, onEvent: (event) => events.push(event) }),
  );
  expect(ran.map(({ batches }) => batches)).toEqual([[0, 1, 2], [3, 4], [5], [6]]);
  expect(events.map(({ kind, step }) => `${kind} ${step}`)).toEqual([
    "segment 3",
    "test 3",
    "segment 5",
    "segment 6",
    "test 6",
    "segment 7",
  ]);
  expect(seen[0]?.losses).toEqual(Float64Array.of(0, 1, 2, 3, 4));
});

test("stops after the number of batches that was asked for", async () => {
  const { session, ran } = countingSession();
  const totals = await runOrder(
    plan(session, [segment("host", [0, 1, 2]), segment("host", [3, 4])], { maxBatches: 4 }),
  );
  expect(totals.batches).toBe(4);
  expect(ran.flatMap(({ batches }) => batches)).toEqual([0, 1, 2, 3]);
});

test("gives every batch its own learning rate, across segments", async () => {
  const { session, ran } = countingSession();
  const schedule = { base: 1, warmupSteps: 4, decayStart: 0, decaySteps: 0 };
  await runOrder(plan(session, [segment("host", [0, 1]), segment("host", [2, 3])], { schedule }));
  expect(ran.map(({ rates }) => rates)).toEqual([
    [0.25, 0.5],
    [0.75, 1],
  ]);
});

test("a loss that is not finite stops at its step", async () => {
  const { session } = countingSession((n) => (n === 3 ? Number.NaN : n));
  const error = await runOrder(plan(session, [segment("host", [0, 1]), segment("host", [2, 3, 4])])).catch((e) => e);
  expect(error).toBeInstanceOf(DivergedError);
  expect(error.details.step).toBe(4);
});

test("an interruption stops between two segments", async () => {
  const { session, ran } = countingSession();
  const controller = new AbortController();
  const steps = [segment("host", [0]), segment("host", [1])];
  const running = runOrder(plan(session, steps, { signal: controller.signal, onEvent: () => controller.abort() }));
  await expect(running).rejects.toMatchObject({ code: "ERR_INTERRUPTED" });
  expect(ran.length).toBe(1);
});

test("tests that get no better lower the rate, then end the training", async () => {
  const { session, ran } = countingSession();
  const worsening = { ...session, evaluate: async (name: string) => ({ ...(await session.evaluate(name)), loss: 1 }) };
  const steps = Array.from({ length: 9 }, (_, i) => segment("host", [i]));
  const followed = {
    plateau: { better: "lower", patience: 0, factor: 0.5 },
    earlyStop: { better: "lower", patience: 3 },
  } as const;
  const totals = await runOrder(plan(worsening, steps, { testEvery: 1, ...followed }));
  expect(totals.batches).toBe(4);
  expect(ran.map(({ rates }) => rates[0])).toEqual([0.1, 0.1, 0.05, 0.025]);
});

test("a step is tested once, whoever asks: the second answer would count as no better", async () => {
  const { session, ran } = countingSession();
  const seen: (Feedback | undefined)[] = [];
  const steps = [segment("host", [0, 1]), { kind: "test" } as const, segment("host", [2])];
  const earlyStop = { better: "lower", patience: 1 } as const;
  const told: string[] = [];
  await runOrder(
    plan(session, steps, {
      order: order(steps, seen),
      testEvery: 2,
      earlyStop,
      onEvent: (event) => event.kind === "test" && void told.push(`${event.askedBy} ${event.step}`),
    }),
  );
  expect(seen[1]).toEqual({ testLoss: 1 });
  expect(told).toEqual(["interval 2"]);
  expect(ran.length).toBe(2);
});

test("a test that gives no loss ends the run at its step, with the source that it read", async () => {
  const { session } = countingSession();
  const diverging = {
    ...session,
    evaluate: async (name: string) => ({ ...(await session.evaluate(name)), loss: Number.NaN }),
  };
  const steps = [segment("host", [0]), { kind: "test" } as const, segment("host", [1])];
  await expect(runOrder(plan(diverging, steps))).rejects.toMatchObject({
    code: "ERR_DIVERGED",
    details: { step: 1, source: "check" },
  });
});

test("a divergence names the rate of its own step, on a plateau and under warm-up", async () => {
  const { session } = countingSession();
  const failing: Session = {
    ...session,
    run: async () => Promise.reject(new DivergedError("The loss of step 2 is NaN.", { details: { step: 2 } })),
  };
  const schedule = { base: 1, warmupSteps: 4, decayStart: 0, decaySteps: 0 };
  const found = runOrder(plan(failing, [segment("host", [0, 1, 2])], { schedule }));
  await expect(found).rejects.toMatchObject({ details: { step: 2, learningRate: 0.5 } });
});

test("every better test is told, and the last weights are tested too", async () => {
  const { session } = countingSession();
  const losses = [3, 1, 2, 0.5];
  const scripted = {
    ...session,
    evaluate: async (name: string) => ({ ...(await session.evaluate(name)), loss: losses.shift() ?? 9 }),
  };
  const best: number[] = [];
  const told: string[] = [];
  await runOrder(
    plan(scripted, [segment("host", [0, 1, 2, 3, 4, 5, 6])], {
      testEvery: 2,
      earlyStop: { better: "lower", patience: 9 },
      onBest: async (step) => void best.push(step),
      onEvent: (event) => event.kind === "test" && void told.push(`${event.askedBy} ${event.step}`),
    }),
  );
  expect(best).toEqual([2, 4, 7]);
  expect(told).toEqual(["interval 2", "interval 4", "interval 6", "end 7"]);
});

test("a segment of more batches than a call has room for arguments", async () => {
  const { session } = countingSession();
  const batches = Array.from({ length: 300_000 }, (_, i) => i);
  const seen: (Feedback | undefined)[] = [];
  const steps = [segment("host", batches)];
  await runOrder(plan(session, steps, { order: order(steps, seen) }));
  expect(seen[0]?.losses?.length).toBe(300_000);
});

test("goes on from every boundary exactly as if it had not stopped", async () => {
  const steps = [segment("hybrid", [0, 1]), { kind: "test" } as const, segment("hot", [2]), segment("hot", [3], 1)];
  const more = { testEvery: 2, plateau: { better: "lower", patience: 0, factor: 0.5 } } as const;
  const states: LoopState[] = [];
  const onBoundary = async (state: LoopState) => void states.push(structuredClone(state));
  const whole = await runOrder(plan(countingSession().session, steps, { ...more, onBoundary }));
  expect(states.length).toBe(3);
  for (const [i, from] of states.entries()) {
    const rest = await runOrder(plan(countingSession().session, steps.slice(i + 1), { ...more, from }));
    expect(rest).toEqual(whole);
  }
});

test("tells of a test while the next segment runs, and of the last one at the end", async () => {
  const { session } = countingSession();
  const happened: string[] = [];
  let resolve = (): void => {};
  const testIsTold = new Promise<void>((settle) => {
    resolve = settle;
  });
  // The second segment would never end if the loop waited for it before it told.
  const waiting: Session = {
    ...session,
    async run(segment, rates) {
      happened.push(`run ${segment.route}`);
      if (segment.route === "hot") await testIsTold;
      return session.run(segment, rates);
    },
  };
  const onEvent: LoopPlan["onEvent"] = ({ kind, step }) => {
    happened.push(`${kind} ${step}`);
    if (kind === "test") resolve();
  };
  const steps = [segment("hybrid", [0]), { kind: "test" } as const, segment("hot", [1]), { kind: "test" } as const];
  await runOrder(plan(waiting, steps, { onEvent }));
  expect(happened).toEqual(["run hybrid", "segment 1", "run hot", "test 1", "segment 2", "test 2"]);
});

test("a boundary can have the test before it told first, once", async () => {
  const { session } = countingSession();
  const told: string[] = [];
  const steps = [segment("hybrid", [0]), { kind: "test" } as const, segment("hot", [1])];
  await runOrder(
    plan(session, steps, {
      onEvent: ({ kind, step }) => void told.push(`${kind} ${step}`),
      onBoundary: async (_, tell) => {
        await tell();
        told.push("boundary");
      },
    }),
  );
  expect(told).toEqual(["segment 1", "boundary", "test 1", "boundary", "segment 2"]);
});

test("an event that cannot be written ends the run, whatever becomes of the segment beside it", async () => {
  const { session } = countingSession();
  const failing: Session = {
    ...session,
    run: async (...call) => (call[0].route === "hot" ? Promise.reject(new Error("engine")) : session.run(...call)),
  };
  const onEvent: LoopPlan["onEvent"] = ({ kind }) => {
    if (kind === "test") throw new Error("disk full");
  };
  const steps = [segment("hybrid", [0]), { kind: "test" } as const, segment("hot", [1])];
  await expect(runOrder(plan(failing, steps, { onEvent }))).rejects.toThrow("disk full");
});
