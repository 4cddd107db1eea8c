import { EngineUnavailableError, referenceEngine } from "@fae/core";
import { checkExactness, checkOps, randomProblem } from "@fae/core/conformance";
import { describe, expect, it } from "vitest";
import { nativeMissing, tinyJob, tinyPlan } from "../native/testing.js";
import { cudaEngine } from "./engine.js";

const missing = nativeMissing("cuda");
const hasGpu = missing === null && cudaEngine().machine().devices.length > 0;
if (missing === null && !hasGpu) console.warn(`skipped: ${cudaEngine().machine().description}`);

describe.skipIf(missing !== null)("cuda engine", () => {
  it("says what it found, with or without a GPU", () => {
    const machine = cudaEngine().machine();
    expect(machine.engine).toBe("cuda");
    expect(machine.facts).toMatchObject({
      gpu: expect.any(String),
      driver: expect.any(String),
      cublasLt: expect.any(String),
    });
    expect(machine.description).not.toBe("");
  });

  it("refuses what it cannot run", () => {
    const job = tinyJob(tinyPlan(["host"], { on: "host" }));
    expect(cudaEngine().refuses(job)).toEqual([expect.stringMatching(/host route/)]);
    expect(cudaEngine().refuses(tinyJob(tinyPlan(["device"], { on: "device" }, { devices: 2 })))).toEqual([
      expect.stringMatching(/one GPU/),
    ]);
    expect(cudaEngine().refuses(tinyJob(tinyPlan(["mixed"], { on: "split", hotRows: 2 })))).toEqual([]);
  });

  it.skipIf(hasGpu)("tells the reason when a job cannot be opened", async () => {
    const job = tinyJob(tinyPlan(["device"], { on: "device" }));
    await expect(cudaEngine().open(job)).rejects.toThrow(EngineUnavailableError);
    await expect(cudaEngine().open(job)).rejects.toThrow(/cannot run: .*Use the cpu engine/);
  });
});

describe.skipIf(!hasGpu)("on a GPU", () => {
  const problems = Array.from({ length: 20 }, (_, seed) => randomProblem(seed));

  it.each(["hybrid", "device"] as const)("computes every op as the float64 reference, route %s", async (route) => {
    expect(await checkOps(cudaEngine(), { route, limit: 1e-9 })).toEqual([]);
  });

  it.each(problems)("agrees with the reference and moves the predicted bytes: $name", async (problem) => {
    const { differences } = await checkExactness(cudaEngine(), problem, {
      against: referenceEngine(),
      tolerance: 2e-3,
    });
    expect(differences).toEqual([]);
  });
});
