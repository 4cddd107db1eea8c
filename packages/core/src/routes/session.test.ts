import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { BatchSource } from "../batch.js";
import type { Job, Session } from "../engine.js";
import {
  ConfigError,
  DataError,
  DisposedError,
  DivergedError,
  PlanError,
  ShapeError,
  UnsupportedError,
} from "../errors.js";
import { initialParameter } from "../initial.js";
import { optimizerSpec } from "../optimizers/index.js";
import type { Placement, Plan, RouteName, Segment } from "../plan.js";
import type { Program } from "../program.js";
import { nameKey, uniformRow } from "../random.js";
import { referenceEngine } from "../reference/engine.js";
import { stepOf, stepValues } from "../step-values.js";

const program: Program = {
  name: "tiny",
  denseFeatures: 1,
  steps: 0,
  width: 2,
  tables: [
    { name: "a", rows: 6, init: { kind: "uniform", bound: 0.5 } },
    { name: "b", rows: 4, init: { kind: "uniform", bound: 0.5 } },
  ],
  params: [
    { name: "w", shape: [1, 5], init: { kind: "normal", deviation: 0.5 } },
    { name: "bias", shape: [1], init: { kind: "zeros" } },
  ],
  nodes: [
    { op: "concat", output: "x", inputs: ["dense", "rows"], params: [], attributes: { keep: 0 } },
    {
      op: "linear",
      output: "z",
      inputs: ["x"],
      params: ["w", "bias"],
      attributes: { activation: "none", transposed: false },
    },
  ],
  logit: "z",
};

/** Rows [label, dense, id of a, id of b]. */
function source(rows: readonly (readonly [number, number, number, number])[], name = "train"): BatchSource {
  const words = new Int32Array(rows.length * 4);
  rows.forEach(([label, dense, a, b], i) => {
    words.set([label, 0, a, b], i * 4);
    new Float32Array(words.buffer)[i * 4 + 1] = dense;
  });
  const layout = { denseFeatures: 1, denseEncoding: "float32", steps: 0, hotness: [1, 1] } as const;
  const storage = { kind: "memory", words: new Uint32Array(words.buffer) } as const;
  return { name, layout, rows: rows.length, storage, shuffleSeed: null };
}

const inputs = source([
  [1, 0.5, 0, 0],
  [0, -1, 1, 1],
  [1, 2, 5, 3],
  [0, 0.1, 0, 1],
  [1, 1, 4, -1],
]);

function plan(routes: RouteName[], placement: Placement, rest: Partial<Plan> = {}): Plan {
  return {
    strategy: "test",
    placements: { a: placement, b: placement },
    routes,
    devices: 1,
    lookAhead: 2,
    servers: 2,
    staleness: 0,
    ...rest,
  };
}

const job = (how: Plan, rest: Partial<Job> = {}): Job => ({
  program,
  plan: how,
  optimizer: optimizerSpec("adagrad"),
  sources: [inputs],
  batch: 2,
  seed: 3,
  threads: 1,
  ...rest,
});

const onHost = plan(["host"], { on: "host" });
const hotAndHybrid = plan(["hot", "hybrid"], { on: "split", hotRows: 2 });
const open = (how: Job) => referenceEngine().open(how);
const segment = (route: RouteName, ...batches: number[]): Segment => ({
  kind: "segment",
  route,
  source: "train",
  epoch: 0,
  batches: Uint32Array.from(batches),
});
const run = (session: Session, route: RouteName, ...batches: number[]) =>
  session.run(
    segment(route, ...batches),
    batches.map(() => 0.1),
  );

describe("session", () => {
  it("starts tables by original id and parameters by name, the same on every placement", async () => {
    const path = join(tmpdir(), `fae-original-${process.pid}.u32`);
    writeFileSync(path, Uint32Array.of(3, 5, 0, 1, 2, 4));
    for (const how of [onHost, plan(["mixed"], { on: "split", hotRows: 2 }), plan(["device"], { on: "device" })]) {
      await using session = await open(job(how, { tables: { a: { originalIdsPath: path } } }));
      const row = new Float32Array(2);
      uniformRow(row, 3, nameKey("a"), 5, 0.5);
      expect(await session.read("a", Uint32Array.of(1))).toEqual(row);
      expect(await session.read("w")).toEqual(initialParameter(program.params[0], 3));
      expect(await session.read("a#accumulator")).toEqual(new Float32Array(12));
      expect(await session.read("#step")).toEqual(stepValues(0));
    }
  });

  it("runs calls in the order in which they were made", async () => {
    await using session = await open(job(onHost));
    const before = session.read("#step");
    const first = run(session, "host", 0, 1);
    const between = session.read("#step");
    const second = run(session, "host", 2);
    const after = session.read("#step");
    expect((await Promise.all([before, between, after])).map(stepOf)).toEqual([0, 2, 3]);
    expect((await first).losses).toHaveLength(2);
    expect(await second).toMatchObject({ batches: 1, inputs: 1 });
  });

  it("evaluates every row in order without changing anything", async () => {
    await using session = await open(job(onHost));
    const before = await session.read("a");
    const evaluation = await session.evaluate("train");
    expect([...evaluation.labels]).toEqual([1, 0, 1, 0, 1]);
    const loss = evaluation.scores.reduce((sum, p, i) => sum - Math.log(evaluation.labels[i] === 1 ? p : 1 - p) / 5, 0);
    expect(evaluation.loss).toBeCloseTo(loss, 6);
    expect(await session.read("a")).toEqual(before);
    expect(await session.read("#step")).toEqual(stepValues(0));
  });

  it("reads what it wrote, also rows that are dirty on the device, and trains on", async () => {
    await using session = await open(
      job(hotAndHybrid, {
        sources: [
          source([
            [1, 0.5, 0, 0],
            [0, 1, 1, 1],
          ]),
        ],
      }),
    );
    await using expected = await open(
      job(onHost, {
        sources: [
          source([
            [1, 0.5, 0, 0],
            [0, 1, 1, 1],
          ]),
        ],
      }),
    );
    await run(session, "hot", 0);
    await run(expected, "host", 0);
    for (const each of [session, expected]) await each.write("a", Float32Array.of(7, 8), Uint32Array.of(1));
    expect([...(await session.read("a", Uint32Array.of(1, 0)))].slice(0, 2)).toEqual([7, 8]);
    const report = await run(session, "hot", 0);
    await run(expected, "host", 0);
    // All four hot rows were dirty on the device and came down before the write; the written one went up again.
    expect(report.switchedRows).toBe(5);
    expect(report.bytes.switch).toEqual({ toHost: 4 * 4 * 4, toDevice: 4 * 4 });
    for (const name of ["a", "b", "a#accumulator", "b#accumulator", "w"])
      expect(await session.numbers(name)).toEqual(await expected.numbers(name));
  });

  it("reading does not change what a run counts", async () => {
    const reports = [];
    for (const reads of [false, true]) {
      await using session = await open(
        job(hotAndHybrid, {
          sources: [
            source([
              [1, 0.5, 0, 0],
              [0, 1, 1, 1],
            ]),
          ],
        }),
      );
      await run(session, "hot", 0);
      if (reads) await session.read("a");
      reports.push((await run(session, "hybrid", 0)).bytes);
    }
    expect(reports[0]).toEqual(reports[1]);
    expect(reports[0].switch.toHost).toBe(4 * 4 * 4);
  });

  it("counts seconds for what it does", async () => {
    await using session = await open(job(plan(["mixed"], { on: "split", hotRows: 2 })));
    const { totalSeconds, seconds } = await run(session, "mixed", 0, 1, 2);
    for (const stage of ["read", "gather", "copy", "forward", "backward", "update"] as const)
      expect(seconds[stage]).toBeGreaterThan(0);
    expect(Object.values(seconds).reduce((a, b) => a + b)).toBeLessThanOrEqual(totalSeconds);
  });

  it("knows the bytes it holds on either side", async () => {
    const bytes = async (how: Plan) => {
      await using session = await open(job(how));
      return session.memory();
    };
    const host = await bytes(onHost);
    expect(host.deviceBytes).toBe(0);
    const device = await bytes(plan(["device"], { on: "device" }));
    expect(device).toEqual({ hostBytes: 0, deviceBytes: host.hostBytes });
    const doubled = await bytes(hotAndHybrid);
    expect(doubled.hostBytes).toBe(10 * 4 * 8);
    expect(doubled.hostBytes + doubled.deviceBytes - host.hostBytes).toBe(4 * 4 * 8);
  });

  it("stops at a loss that is not finite, naming step and table, and stays stopped", async () => {
    await using session = await open(job(onHost));
    await run(session, "host", 1);
    await session.write("b", Float32Array.of(1e30, 1e30), Uint32Array.of(1));
    await session.write("w", new Float32Array(5).fill(Number.POSITIVE_INFINITY));
    const failed = run(session, "host", 0);
    await expect(failed).rejects.toThrow(DivergedError);
    await expect(failed).rejects.toThrow(/loss of step 2 is NaN\. The largest row norm is 1\.4\d*e\+30, in table 'b'/);
    await expect(failed).rejects.toMatchObject({ details: { step: 2, table: "b" } });
    await expect(session.read("w")).rejects.toBe(await failed.catch((error) => error));
  });

  it("stops at bad data", async () => {
    await using session = await open(job(onHost, { sources: [source([[1, 0, 6, 0]])] }));
    await expect(run(session, "host", 0)).rejects.toThrow(/table 'a' has no row 6/);
  });

  it("refuses a batch that is not hot", async () => {
    await using session = await open(job(hotAndHybrid));
    await expect(run(session, "hot", 1)).rejects.toThrow(DataError);
  });

  it("refuses wrong calls and stays usable", async () => {
    await using session = await open(job(onHost));
    await expect(run(session, "hybrid", 0)).rejects.toThrow(PlanError);
    await expect(run(session, "host", 3)).rejects.toThrow(/no batch 3: it has 3/);
    await expect(session.run(segment("host", 0), [])).rejects.toThrow(/0 learning rates for 1 batches/);
    await expect(session.evaluate("test")).rejects.toThrow(/no source 'test'.*Sources: train/);
    await expect(session.read("nothing")).rejects.toThrow(ConfigError);
    await expect(session.read("a#m")).rejects.toThrow(/no tensor 'a#m'.*<name>#accumulator/);
    await expect(session.read("a", Uint32Array.of(6))).rejects.toThrow(/no row 6: it has 6/);
    await expect(session.read("w", Uint32Array.of(0))).rejects.toThrow(/has no rows/);
    await expect(session.write("b", new Float32Array(7))).rejects.toThrow(ShapeError);
    expect((await run(session, "host", 0)).batches).toBe(1);
  });

  it("finishes what was called before close and refuses what comes after", async () => {
    const session = await open(job(onHost));
    const report = run(session, "host", 0, 1, 2);
    const closed = session[Symbol.asyncDispose]();
    await expect(session.read("a")).rejects.toThrow(DisposedError);
    expect((await report).batches).toBe(3);
    await closed;
    await session[Symbol.asyncDispose]();
  });

  it("does not keep the caller's arrays", async () => {
    await using session = await open(job(onHost));
    const call = segment("host", 0);
    const rates = [0.1];
    const report = session.run(call, rates);
    call.batches.fill(99);
    rates[0] = Number.NaN;
    expect((await report).losses[0]).toBeGreaterThan(0);
    expect((await session.read("w")).every(Number.isFinite)).toBe(true);
  });
});

describe("opening a session", () => {
  const refused: [string, Partial<Job>, new (...args: never[]) => Error, RegExp][] = [
    [
      "data of another width",
      { sources: [{ ...inputs, layout: { ...inputs.layout, hotness: [1, 1, 1] } }] },
      DataError,
      /has 3 tables, the program 'tiny' takes 2/,
    ],
    ["two sources of one name", { sources: [inputs, inputs] }, ConfigError, /Two sources are named 'train'/],
    ["a batch of 0", { batch: 0 }, ConfigError, /'batch' must be an integer from 1 .*found 0/],
    ["a table that is not there", { tables: { c: {} } }, ConfigError, /table 'c'.*Tables: a, b/],
    [
      "a mapped table",
      { tables: { a: { mappedPath: "x" } } },
      UnsupportedError,
      /cannot keep table 'a' in the file 'x'/,
    ],
    [
      "a missing file of original ids",
      { tables: { a: { originalIdsPath: "/none" } } },
      DataError,
      /'\/none' of table 'a'/,
    ],
    [
      "an impossible plan",
      { plan: plan(["host"], { on: "device" }) },
      PlanError,
      /Route host needs table 'a' on host, not device/,
    ],
    ["an optimizer out of range", { optimizer: { ...optimizerSpec("adam"), beta2: 2 } }, ConfigError, /'beta2'/],
  ];
  it.each(refused)("refuses %s", async (_, change, type, message) => {
    await expect(open(job(onHost, change))).rejects.toThrow(type);
    await expect(open(job(onHost, change))).rejects.toThrow(message);
  });

  it("refuses original ids of another table", async () => {
    const path = join(tmpdir(), `fae-bad-${process.pid}.u32`);
    writeFileSync(path, Uint32Array.of(0, 1, 2, 3));
    const tables = { a: { originalIdsPath: path } };
    await expect(open(job(onHost, { tables }))).rejects.toThrow(/has 16 bytes, but the 6 original ids/);
    writeFileSync(path, Uint32Array.of(0, 1, 2, 3, 4, 6));
    await expect(open(job(onHost, { tables }))).rejects.toThrow(/row 5 of table 'a' the original id 6 of 6/);
  });

  it("is announced by the engine's reasons", () => {
    const engine = referenceEngine();
    const about = { program, optimizer: optimizerSpec("sgd") };
    expect(engine.refuses({ ...about, plan: onHost })).toEqual([]);
    expect(engine.refuses({ ...about, plan: { ...onHost, devices: 2 }, rowType: "bf16", matmul: "tf32" })).toEqual([
      "It has one device, the plan uses 2.",
      "It has no bf16 rows.",
      "It has no tf32 arithmetic.",
    ]);
    expect(engine.refuses({ ...about, program: { ...program, logit: "y" }, plan: onHost })[0]).toMatch(/logit 'y'/);
  });
});
