import { describe, expect, it } from "vitest";
import { referenceEngine, referenceParts } from "../reference/engine.js";
import type { Faults } from "../routes/runtime.js";
import { openFaulty } from "../routes/session.js";
import { checkExactness } from "./exactness.js";
import { randomProblem } from "./problems.js";

const broken = (faults: Faults) => ({
  ...referenceEngine(),
  open: (job: Parameters<typeof openFaulty>[1]) => openFaulty(referenceParts, job, faults),
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
