import { describe, expect, it } from "vitest";
import type { Job } from "../engine.js";
import type { Placement } from "../plan.js";
import { referenceEngine, referenceParts } from "../reference/engine.js";
import type { Faults } from "../routes/runtime.js";
import { openFaulty, openRouteSession } from "../routes/session.js";
import { checkExactness } from "./exactness.js";
import { randomProblem } from "./problems.js";

const broken = (faults: Faults) => ({
  ...referenceEngine(),
  open: (job: Job) => openFaulty(referenceParts, job, faults),
});

describe("exactness of the reference engine", () => {
  it.each([0, 1, 2, 3])("all routes agree bit by bit and move what is predicted, seeds %d * 50 + 0..49", async (k) => {
    for (let seed = k * 50; seed < (k + 1) * 50; seed++) {
      const { differences, skipped, checked } = await checkExactness(referenceEngine(), randomProblem(seed));
      expect(differences).toEqual([]);
      expect(skipped).toEqual([]);
      expect(checked).toHaveLength(13);
    }
  });

  it("holds for float32 rows as well", async () => {
    const parts = { ...referenceParts, numbers: Float32Array };
    const engine = {
      ...referenceEngine(),
      // Float32 servers would round the parameters that this float64 network keeps.
      refuses: ({ plan }: Pick<Job, "plan">) => (plan.routes.includes("server") ? ["mixed precisions"] : []),
      open: (job: Job) => openRouteSession(parts, job),
    };
    for (let seed = 1000; seed < 1020; seed++)
      expect((await checkExactness(engine, randomProblem(seed))).differences).toEqual([]);
  });

  it("takes tables without hot rows on the host, and wholly hot ones on the device, for what they are", async () => {
    const simplified = (job: Job): Record<string, Placement> =>
      Object.fromEntries(
        job.program.tables.map(({ name, rows }) => {
          const placement = job.plan.placements[name];
          const hotRows = placement.on === "split" ? placement.hotRows : Number.NaN;
          return [name, hotRows === 0 ? { on: "host" } : hotRows === rows ? { on: "device" } : placement];
        }),
      );
    const engine = {
      ...referenceEngine(),
      open: (job: Job) => referenceEngine().open({ ...job, plan: { ...job.plan, placements: simplified(job) } }),
    };
    for (let seed = 0; seed < 20; seed++)
      expect((await checkExactness(engine, randomProblem(seed))).differences).toEqual([]);
  });

  it("says which variants an engine refuses", async () => {
    const engine = {
      ...referenceEngine(),
      refuses: ({ plan }: Pick<Job, "plan">) => (plan.routes.includes("server") ? ["It has no servers."] : []),
    };
    const { skipped, checked } = await checkExactness(engine, randomProblem(5));
    expect(skipped).toEqual([expect.stringMatching(/^train server of \d: It has no servers\.$/)]);
    expect(checked).toHaveLength(12);
  });

  it("compares with another engine within a tolerance", async () => {
    const parts = { ...referenceParts, numbers: Float32Array };
    const engine = { ...referenceEngine(), open: (job: Job) => openRouteSession(parts, job) };
    const against = referenceEngine();
    expect((await checkExactness(engine, randomProblem(3), { against })).differences).not.toEqual([]);
    expect((await checkExactness(engine, randomProblem(3), { against, tolerance: 1e-3 })).differences).toEqual([]);
  });

  it.each([
    ["forwarding", /mixed look-ahead [1-4]: emb/, /mixed/],
    ["dirty", /packed hot and hybrid: emb/, /packed hot and hybrid/],
    ["state", /(mixed|hybrid).*: emb/, /mixed|packed hot and hybrid/],
  ] as const)("a broken %s is noticed, and only on routes that need it", async (fault, weights, routes) => {
    const lines: string[] = [];
    for (let seed = 0; seed < 10; seed++)
      lines.push(...(await checkExactness(broken({ [fault]: true }), randomProblem(seed))).differences);
    expect(lines.filter((line) => weights.test(line)).length).toBeGreaterThan(5);
    expect(lines.filter((line) => !routes.test(line))).toEqual([]);
  });
});
