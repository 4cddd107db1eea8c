import { expect, test } from "vitest";
import { learningRate } from "./learning-rate.js";

const rates = (steps: number, warmupSteps: number, decayStart: number, decaySteps: number) =>
  Array.from({ length: steps }, (_, step) => learningRate({ base: 1, warmupSteps, decayStart, decaySteps }, step));

test("stays at the base rate without a schedule", () => {
  expect(rates(3, 0, 0, 0)).toEqual([1, 1, 1]);
});

test("warms up linearly and then holds the base rate", () => {
  expect(rates(5, 4, 0, 0)).toEqual([0.25, 0.5, 0.75, 1, 1]);
});

test("warms up, holds the last rate, decays with the square and keeps the last rate", () => {
  expect(rates(10, 4, 6, 4)).toEqual([0.25, 0.5, 0.75, 0.75, 0.75, 1, 0.5625, 0.25, 0.0625, 0.0625]);
});
