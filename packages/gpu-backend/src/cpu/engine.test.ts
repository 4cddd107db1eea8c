import { referenceEngine } from "@fae/core";
import { checkExactness, checkOps, randomProblem } from "@fae/core/conformance";
import { describe, expect, it } from "vitest";
import { cpuEngine } from "./engine.js";

describe("cpu engine", () => {
  it("ops", async () => {
    for (const route of ["host", "hybrid", "device"] as const)
      expect(await checkOps(cpuEngine(), { route })).toEqual([]);
  });
  it.each(Array.from({ length: 40 }, (_, seed) => randomProblem(seed)))("routes agree: $name", async (problem) => {
    const { differences, checked } = await checkExactness(cpuEngine(), problem);
    expect(differences).toEqual([]);
    expect(checked.length).toBeGreaterThan(3);
  });
});
