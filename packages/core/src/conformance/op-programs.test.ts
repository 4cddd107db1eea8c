import { describe, expect, it } from "vitest";
import { compile } from "../compile.js";
import { ops } from "../ops/index.js";
import { referenceEngine, referenceParts } from "../reference/engine.js";
import { openRouteSession } from "../routes/session.js";
import { timedOpCases } from "./cases.js";
import { checkOps, opProgram, opPrograms } from "./op-programs.js";

describe("op programs", () => {
  it("cover every op, each in a valid program", () => {
    for (const { program } of opPrograms()) expect(() => compile(program)).not.toThrow();
    for (const timed of timedOpCases) expect(() => compile(opProgram(timed).program)).not.toThrow();
    for (const list of [opPrograms(), timedOpCases.map(opProgram)])
      expect(new Set(list.map(({ op }) => op))).toEqual(new Set(Object.keys(ops)));
  });

  it("pass with float32 rows on every route that they run on", async () => {
    const engine = {
      ...referenceEngine(),
      open: (job: Parameters<typeof openRouteSession>[1]) =>
        openRouteSession({ ...referenceParts, numbers: Float32Array }, job),
    };
    for (const route of ["host", "hybrid", "device"] as const)
      expect(await checkOps(engine, { route, limit: 1e-9 })).toEqual([]);
  });

  it("fail when gradients are off by one in a thousand", async () => {
    const engine = {
      ...referenceEngine(),
      open: (job: Parameters<typeof openRouteSession>[1]) =>
        openRouteSession(
          {
            ...referenceParts,
            async network(compiled, options) {
              const network = await referenceParts.network(compiled, options);
              return { ...network, update: (rate: number, step: number) => network.update(rate * 1.001, step) };
            },
          },
          job,
        ),
    };
    expect((await checkOps(engine)).length).toBeGreaterThan(20);
  });
});
