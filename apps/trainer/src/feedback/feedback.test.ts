import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type EarlyStopOptions, earlyStop, earlyStopStart } from "./early-stop.js";
import { type PlateauOptions, plateau, plateauStart } from "./plateau.js";

const states = (metrics: readonly number[], options: PlateauOptions) => {
  let state = plateauStart;
  return metrics.map((metric) => {
    state = plateau(state, metric, options);
    return state;
  });
};
const scales = (metrics: readonly number[], options: PlateauOptions): number[] =>
  states(metrics, options).map(({ scale }) => scale);

describe("learning rate on plateau", () => {
  test("falls after more than `patience` tests without improvement, and counts anew", () => {
    const metrics = [0.5, 0.4, 0.4, 0.41, 0.4, 0.39, 0.39, 0.39, 0.39];
    expect(scales(metrics, { better: "lower", patience: 2, factor: 0.5 })).toEqual([
      1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25,
    ]);
  });

  test("takes higher for better when told, and small gains for none", () => {
    const options = { better: "higher", patience: 0, threshold: 0.01, factor: 0.5 } as const;
    expect(scales([0.7, 0.72, 0.725, 0.74], options)).toEqual([1, 1, 0.5, 0.5]);
  });

  test("waits through the cooldown, in which an improvement is still noted", () => {
    const options = { better: "lower", patience: 0, cooldown: 2, factor: 0.5 } as const;
    const found = states([1, 1, 1, 0.5, 0.7, 0.4], options);
    expect(found.map(({ scale }) => scale)).toEqual([1, 0.5, 0.5, 0.5, 0.25, 0.25]);
    expect(found.map(({ best }) => best)).toEqual([1, 1, 1, 0.5, 0.5, 0.4]);
  });

  test("stops at the smallest scale, and takes a metric that is no number for a bad one", () => {
    const options = { better: "lower", patience: 0, minScale: 0.05 } as const;
    expect(scales([Number.NaN, Number.NaN, Number.NaN], options)).toEqual([0.1, 0.05, 0.05]);
  });

  test("a state that went through JSON goes on the same", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: true, min: 0, max: 1 })),
        fc.nat(3),
        fc.nat(2),
        (metrics, patience, cooldown) => {
          const options = { better: "lower", patience, cooldown } as const;
          let state = plateauStart;
          for (const metric of metrics) state = plateau(JSON.parse(JSON.stringify(state)), metric, options);
          expect(state).toEqual(states(metrics, options).at(-1) ?? plateauStart);
        },
      ),
    );
  });
});

describe("early stop", () => {
  const follow = (metrics: readonly number[], options: EarlyStopOptions) =>
    metrics.reduce((state, metric, i) => earlyStop(state, 100 * (i + 1), metric, options), earlyStopStart);

  test("ends after `patience` tests without improvement and tells the best one", () => {
    const options = { better: "higher", patience: 2 } as const;
    expect(follow([0.6, 0.7, 0.69], options)).toMatchObject({ isOver: false, bad: 1 });
    expect(follow([0.6, 0.7, 0.69, 0.7], options)).toEqual({ best: 0.7, bestStep: 200, bad: 2, isOver: true });
    expect(follow([0.6, 0.7, 0.69, 0.71, 0.7], options)).toMatchObject({ isOver: false, best: 0.71, bestStep: 400 });
  });

  test("a metric that is no number is no improvement", () => {
    expect(follow([Number.NaN], { better: "lower", patience: 1 })).toMatchObject({ isOver: true, best: null });
  });
});
