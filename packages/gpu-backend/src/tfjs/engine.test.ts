import { referenceEngine } from "@fae/core";
import { checkExactness, randomProblem } from "@fae/core/conformance";
import { describe, expect, test } from "vitest";
import { tfjsEngine } from "./engine.js";

const problems = Array.from({ length: 24 }, (_, seed) => randomProblem(seed));
// Adagrad and Adam turn the sign of a gradient near zero into a step of full size, and normalising a vector near zero
// magnifies its rounding: only the others compare tightly. The golden cases cover the rest.
const wellConditioned = problems.filter(({ job }) => job.optimizer.name === "sgd" && job.program.steps === 0);

describe.each(["cpu", "wasm"])("tfjs:%s", (backend) => {
  test.each(problems.slice(0, 8))("routes agree to the bit and move the predicted bytes: $name", async (problem) => {
    const { differences, checked } = await checkExactness(await tfjsEngine(backend), problem);
    // Servers update dense parameters in JavaScript, other routes with tensors: these agree within rounding, below.
    expect(differences.filter((line) => !line.includes("server of"))).toEqual([]);
    expect(checked.length).toBeGreaterThan(3);
  });

  test.each(wellConditioned)("agrees with the float64 reference: $name", async (problem) => {
    const options = { against: referenceEngine(), tolerance: 1e-5 };
    const { differences } = await checkExactness(await tfjsEngine(backend), problem, options);
    expect(differences).toEqual([]);
  });
});
