import type { RouteName } from "@fae/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { RunEvent } from "../train/run-events.js";
import { mostPoints, paceOf, runView } from "./run-view.js";
import { batchesOf, mergeSlices } from "./slice.js";
import { aSegment, aStart, aTest } from "./test-events.js";

test("a run adds up: losses are means over batches, bytes and seconds sums, memory the most", () => {
  const { whole, switches, best, testSeconds } = runView([
    aStart(),
    aSegment(4, "hybrid", { loss: 0.8, rssBytes: 9 }),
    aSegment(5, "hot", { loss: 0.3, batches: 1, rssBytes: 7, schedulerRate: 25 }),
    aTest(5, 0.71),
    aSegment(9, "hybrid", { loss: 0.4 }),
    aTest(9, 0.7),
  ]);
  expect(whole).toMatchObject({ from: 0, to: 9, seconds: 6, inputs: 1200, lossLow: 0.3, lossHigh: 0.8 });
  expect(whole?.loss).toBeCloseTo((4 * 0.8 + 0.3 + 4 * 0.4) / 9, 12);
  expect(whole).toMatchObject({ routes: { hybrid: 8, hot: 1 }, toDevice: { inputs: 12_000, rows: 16_000 } });
  expect(whole).toMatchObject({ toHost: { rows: 16_000 }, stages: { forward: 1.5, backward: 3 } });
  expect(whole?.rssBytes).toBe(2 ** 28);
  expect({ switches, best, testSeconds }).toEqual({ switches: 2, best: { auc: 0.71, step: 5 }, testSeconds: 2 });
});

test("the pace of a run gives the time left, tests on the way included", () => {
  const view = runView([aStart({ inputsTotal: 4000 }), aSegment(4), aSegment(8, "hot", { seconds: 1 }), aTest(8)]);
  expect(paceOf(view)).toEqual({
    inputsPerSecond: 800 / 3,
    latestInputsPerSecond: 400,
    share: 0.2,
    secondsLeft: (4 / 800) * 3200,
  });
  expect(paceOf(runView([]))).toMatchObject({ share: null, secondsLeft: null, inputsPerSecond: 0 });
});

test("lines that stand twice or out of order are left out and counted", () => {
  const view = runView([aSegment(4), aSegment(8), aSegment(8), aTest(8), aTest(4), aSegment(12)]);
  expect(view.disordered).toBe(2);
  expect(view.whole?.to).toBe(12);
});

test("resumed runs say where", () => {
  const again = aStart({ step: 4, engine: "cuda", learningRate: 0.01 });
  const view = runView([aStart({ learningRate: 0.1 }), aSegment(4), again, aSegment(8)]);
  expect(view).toMatchObject({ resumedAt: [4], start: { engine: "cuda" }, disordered: 0 });
  expect(view.rateChanges).toEqual([{ step: 4, from: 0.1, to: 0.01 }]);
});

test("however long the run, curves have a bounded number of points and the sums are those of all events", () => {
  const kinds: RouteName[] = ["hot", "hybrid", "mixed"];
  const lengths = fc.array(fc.tuple(fc.integer({ min: 1, max: 64 }), fc.constantFrom(...kinds), fc.boolean()), {
    minLength: 1,
    maxLength: 3000,
    size: "max",
  });
  fc.assert(
    fc.property(lengths, (given) => {
      let step = 0;
      const events = given.flatMap(([batches, route, isTested]): RunEvent[] => {
        step += batches;
        const loss = 1 / (1 + (step % 17));
        const segment = aSegment(step, route, { batches, inputs: 3 * batches, loss });
        return isTested ? [segment, aTest(step, 1 / step)] : [segment];
      });
      const { slices, tests, whole, best } = runView(events);
      expect(slices.items.length).toBeLessThanOrEqual(mostPoints);
      expect(tests.items.length).toBeLessThanOrEqual(mostPoints);
      expect(slices.items[0].from).toBe(0);
      for (const [i, slice] of slices.items.slice(1).entries()) expect(slice.from).toBe(slices.items[i].to);
      const sum = slices.items.reduce(mergeSlices);
      expect(sum).toMatchObject({ to: step, inputs: 3 * step, seconds: 2 * given.length, routes: whole?.routes });
      expect(batchesOf(sum)).toBe(step);
      expect(sum.loss).toBeCloseTo(whole?.loss ?? 0, 9);
      const tested = events.filter(({ kind }) => kind === "test");
      expect(best?.step).toBe(tested[0]?.step);
      expect(tests.items.at(-1)?.step).toBe(tested.at(-1)?.step);
    }),
    { numRuns: 30 },
  );
});
