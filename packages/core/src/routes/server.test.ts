import { describe, expect, it } from "vitest";
import { randomProblem, tensorNames, variantsOf } from "../conformance/index.js";
import type { Plan } from "../plan.js";
import { referenceEngine } from "../reference/engine.js";
import { serverOf } from "./server.js";

/** The first random problem of at least 3 batches. */
function severalBatches(seed = 0): ReturnType<typeof randomProblem> {
  const problem = randomProblem(seed);
  const [{ rows }] = problem.job.sources;
  return rows > 2 * problem.job.batch ? problem : severalBatches(seed + 1);
}
const problem = severalBatches();
const job = { ...problem.job, optimizer: { ...problem.job.optimizer, name: "sgd" as const } };
const sync = variantsOf(problem).find(({ plan }) => plan.routes[0] === "server")?.plan as Plan;
const rate = 0.1;

/** All tensors after the given calls on batches of source train, each call one segment. */
async function train(plan: Plan, segments: readonly (readonly number[])[]): Promise<Map<string, number[]>> {
  await using session = await referenceEngine().open({ ...job, plan });
  for (const batches of segments)
    await session.run(
      { kind: "segment", route: "server", source: "train", epoch: 0, batches: Uint32Array.from(batches) },
      batches.map(() => rate),
    );
  const tensors = new Map<string, number[]>();
  for (const name of tensorNames({ job })) tensors.set(name, [...(await session.numbers(name))]);
  return tensors;
}

const close = (a: Map<string, number[]>, b: Map<string, number[]>): boolean =>
  [...a].every(([name, values]) => values.every((value, i) => Math.abs(value - (b.get(name)?.[i] ?? NaN)) < 1e-12));

describe("server", () => {
  it("is the same for any number of servers", async () => {
    const expected = await train({ ...sync, servers: 1 }, [[0, 1, 2, 0]]);
    for (const servers of [2, 3, 7]) expect(await train({ ...sync, servers }, [[0, 1, 2, 0]])).toEqual(expected);
  });

  it("with staleness 1 computes a batch from weights that miss the update before it", async () => {
    const start = await train(sync, []);
    const first = await train(sync, [[0]]);
    const second = await train(sync, [[1]]);
    // Both gradients from the start: the two changes add up.
    const expected = new Map(
      [...start].map(([name, values]) => [
        name,
        values.map((value, i) => (first.get(name)?.[i] ?? NaN) + (second.get(name)?.[i] ?? NaN) - value),
      ]),
    );
    expect(close(await train({ ...sync, staleness: 1 }, [[0, 1]]), expected)).toBe(true);
    expect(close(await train(sync, [[0, 1]]), expected)).toBe(false);
  });

  it("drains at the end of a segment, so segments of one batch are synchronous", async () => {
    expect(await train({ ...sync, staleness: 3 }, [[0], [1], [2]])).toEqual(await train(sync, [[0, 1, 2]]));
  });

  it("is deterministic at any staleness, and larger than the segment is as large as it", async () => {
    const stale = await train({ ...sync, staleness: 2 }, [[0, 1, 2, 3, 0, 1]]);
    expect(await train({ ...sync, staleness: 2 }, [[0, 1, 2, 3, 0, 1]])).toEqual(stale);
    expect(close(stale, await train(sync, [[0, 1, 2, 3, 0, 1]]))).toBe(false);
    expect(await train({ ...sync, staleness: 9 }, [[0, 1, 2]])).toEqual(
      await train({ ...sync, staleness: 2 }, [[0, 1, 2]]),
    );
  });

  it("spreads consecutive rows over all servers", () => {
    for (const servers of [2, 3, 4, 8]) {
      const counts = new Array<number>(servers).fill(0);
      for (let row = 0; row < 8000; row++) counts[serverOf(row, servers)]++;
      for (const count of counts) expect(Math.abs(count * servers - 8000)).toBeLessThan(800);
    }
  });
});
