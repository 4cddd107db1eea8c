import { type Engine, type Job, referenceEngine } from "@fae/core";
import { checkExactness, checkOps, randomProblem, tensorNames } from "@fae/core/conformance";
import { afterEach, describe, expect, it } from "vitest";
import { nativeMissing } from "../native/testing.js";
import { cpuEngine } from "./engine.js";

const problems = Array.from({ length: 60 }, (_, seed) => randomProblem(seed));
// Adagrad and Adam turn the sign of a gradient near zero into a step of full size, and normalising a vector near zero
// magnifies its rounding: only the others compare tightly with float64. The golden cases cover the rest.
const wellConditioned = problems.filter(({ job }) => job.optimizer.name === "sgd" && job.program.steps === 0);

/** The engine with something fixed in every job. */
const fixed = (change: Partial<Job>): Engine => {
  const engine = cpuEngine();
  return { ...engine, open: (job) => engine.open({ ...job, ...change }) };
};

describe.skipIf(nativeMissing("cpu"))("cpu engine", () => {
  it("says what it is", () => {
    const machine = cpuEngine().machine();
    expect(machine).toMatchObject({ engine: "cpu", devices: [] });
    expect(machine.threads).toBeGreaterThan(0);
    expect(machine.facts.kernels).toMatch(/avx512|avx2|baseline/);
  });

  it.each(["host", "hybrid", "device"] as const)(
    "computes every op as the float64 reference, route %s",
    async (route) => {
      expect(await checkOps(cpuEngine(), { route, limit: 1e-9 })).toEqual([]);
    },
  );

  it.each(problems)("routes agree to the bit and move the predicted bytes: $name", async (problem) => {
    const { differences, checked, skipped } = await checkExactness(cpuEngine(), problem);
    expect(differences).toEqual([]);
    expect(skipped).toEqual([]);
    expect(checked.length).toBeGreaterThan(10);
  });

  it.each(wellConditioned)("agrees with the float64 reference: $name", async (problem) => {
    const options = { against: referenceEngine(), tolerance: 1e-5 };
    expect((await checkExactness(cpuEngine(), problem, options)).differences).toEqual([]);
  });

  it("gives the same bits for 1, 2 and 5 threads on every route", async () => {
    for (const problem of problems.slice(0, 8))
      for (const threads of [2, 5]) {
        const { differences } = await checkExactness(fixed({ threads }), problem, { against: fixed({ threads: 1 }) });
        expect(differences).toEqual([]);
      }
  });
});

describe.skipIf(nativeMissing("cpu"))("instruction sets", () => {
  afterEach(() => {
    delete process.env.FAE_CPU_KERNELS;
  });

  const run = async (kernels: string, problem = problems[0]) => {
    process.env.FAE_CPU_KERNELS = kernels;
    const [step] = problem.orders.train;
    const plan = {
      ...hostPlan,
      placements: Object.fromEntries(problem.job.program.tables.map(({ name }) => [name, { on: "host" as const }])),
    };
    await using session = await cpuEngine().open({ ...problem.job, plan });
    if (step.kind === "run") await session.run({ ...step.segment, route: "host" }, step.learningRates);
    return Promise.all(tensorNames(problem).map((name) => session.read(name)));
  };

  it("that fuse multiply and add give the same bits", async () => {
    const { description } = cpuEngine().machine();
    if (!description.includes("avx512")) return;
    for (const problem of problems.slice(0, 12))
      expect(await run("avx2", problem)).toEqual(await run("avx512", problem));
  });

  it("without fused operations agree within rounding", async () => {
    for (const problem of wellConditioned.slice(0, 6)) {
      const plain = await run("baseline", problem);
      (await run("", problem)).forEach((values, i) => {
        values.forEach((value, k) => {
          expect(Math.abs(value - plain[i][k])).toBeLessThan(1e-5 * (1 + Math.abs(value)));
        });
      });
    }
  });
});

const hostPlan = { strategy: "host", routes: ["host"], devices: 1, lookAhead: 0, servers: 1, staleness: 0 } as const;
