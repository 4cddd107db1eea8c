import { Random, streams } from "@fae/core";
import { describe, expect, it } from "vitest";
import { createDenseDraw, denseAt } from "./dense-draw.js";
import { createNormal } from "./normal.js";
import { criteoKaggle } from "./sources/criteo-kaggle.js";
import { criteoTerabyte } from "./sources/criteo-terabyte.js";

const normal = createNormal();
const inputs = 20_000;

describe("dense columns", () => {
  for (const source of [criteoKaggle, criteoTerabyte]) {
    it(`have the measured zeros, mean and deviation (${source.name})`, () => {
      if (source.dense === "hour") throw new Error("no columns");
      for (const [i, column] of source.dense.entries()) {
        const draw = createDenseDraw(column, normal);
        const random = new Random(i, streams.synth);
        let [zeros, negatives, sum, squares] = [0, 0, 0, 0];
        for (let k = 0; k < inputs; k++) {
          const x = denseAt(draw, normal, random.next());
          if (x === 0) zeros++;
          if (x < 0) negatives++;
          const value = Math.log(1 + Math.max(0, x));
          sum += value;
          squares += value * value;
        }
        const mean = sum / inputs;
        const name = `I${i + 1}`;
        expect(Math.abs(zeros / inputs - column.zero), name).toBeLessThan(0.015);
        expect(Math.abs(negatives / inputs - column.negative), name).toBeLessThan(0.01);
        expect(Math.abs(mean - column.mean), name).toBeLessThan(0.04 + 0.02 * column.mean);
        const deviation = Math.sqrt(squares / inputs - mean * mean);
        expect(Math.abs(deviation - column.deviation), name).toBeLessThan(0.02 + 0.05 * column.deviation);
      }
    });
  }
});
