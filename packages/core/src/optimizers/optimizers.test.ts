import { describe, expect, it } from "vitest";
import { ConfigError } from "../errors.js";
import { optimizerSpec, optimizers, rowStateValues } from "./index.js";
import type { OptimizerName } from "./types.js";

const names = Object.keys(optimizers) as OptimizerName[];

/** Weights after steps with gradients [0.5, -2] and then [1, 0.25], from [1, 1], at rate 0.1. */
function twoSteps(name: OptimizerName, kind: "row" | "dense", epsilon = 0): number[] {
  const optimizer = optimizers[name];
  const slots = kind === "row" ? optimizer.rowSlots : optimizer.denseSlots;
  const state = slots.map((slot) => new Float64Array(slot.perRow || 2));
  const weights = Float64Array.of(1, 1);
  [Float64Array.of(0.5, -2), Float64Array.of(1, 0.25)].forEach((gradient, i) => {
    const call = { weights, gradient, state, learningRate: 0.1, step: i + 1, spec: optimizerSpec(name, { epsilon }) };
    if (kind === "row") optimizer.updateRow(call);
    else optimizer.updateDense(call);
  });
  return [...weights];
}

const close = (actual: number[], expected: number[]) =>
  expected.forEach((value, i) => {
    expect(actual[i]).toBeCloseTo(value, 12);
  });

describe("optimizers", () => {
  it("sgd subtracts rate times gradient", () => {
    close(twoSteps("sgd", "row"), [0.85, 1.175]);
  });

  it("adagrad divides by the root of the summed squares", () => {
    const expected = [0.9 - 0.1 / Math.sqrt(1.25), 1.1 - 0.025 / Math.sqrt(4.0625)];
    close(twoSteps("adagrad", "row"), expected);
    close(twoSteps("adagrad", "dense"), expected);
  });

  it("row-wise adagrad divides a row by the root of its summed mean squares, dense parameters as adagrad", () => {
    const first = Math.sqrt(2.125);
    const second = Math.sqrt(2.125 + 0.53125);
    close(twoSteps("rowwise-adagrad", "row"), [1 - 0.05 / first - 0.1 / second, 1 + 0.2 / first - 0.025 / second]);
    expect(twoSteps("rowwise-adagrad", "dense")).toEqual(twoSteps("adagrad", "dense"));
  });

  it("adam moves by the rate in its first step and corrects its bias in the next", () => {
    const second = (m: number, v: number) => (0.1 * m) / (1 - 0.81) / Math.sqrt(v / (1 - 0.999 ** 2));
    close(twoSteps("adam", "row"), [
      0.9 - second(0.145, 0.999 * 0.00025 + 0.001),
      1.1 - second(-0.155, 0.999 * 0.004 + 0.0000625),
    ]);
  });

  it("epsilon is added to the root, for adam after its correction", () => {
    const last = 0.1 / (Math.sqrt(1.25) + 1);
    close(twoSteps("adagrad", "dense", 1).slice(0, 1), [1 - 0.05 / 1.5 - last]);
    const m = 0.145 / (1 - 0.81);
    const v = (0.999 * 0.00025 + 0.001) / (1 - 0.999 ** 2);
    close(twoSteps("adam", "dense", 1).slice(0, 1), [1 - 0.05 / 1.5 - (0.1 * m) / (Math.sqrt(v) + 1)]);
  });

  it.each(names)("%s leaves a row without gradient alone in its first step", (name) => {
    const state = optimizers[name].rowSlots.map((slot) => new Float64Array(slot.perRow || 2));
    const weights = Float64Array.of(3, -4);
    const spec = optimizerSpec(name);
    optimizers[name].updateRow({ weights, gradient: new Float64Array(2), state, learningRate: 1, step: 1, spec });
    expect([...weights]).toEqual([3, -4]);
  });

  it("knows the state values of a row", () => {
    expect(names.map((name) => rowStateValues(name, 16))).toEqual([0, 16, 1, 32]);
  });

  it("refuses unknown names and options out of range", () => {
    expect(() => optimizerSpec("lion" as OptimizerName)).toThrow(/Choose one of sgd, adagrad, rowwise-adagrad, adam/);
    expect(() => optimizerSpec("adam", { beta1: 1 })).toThrow(ConfigError);
    expect(() => optimizerSpec("adagrad", { epsilon: -1 })).toThrow(/'epsilon' must be at least 0, found -1/);
  });
});
