import {
  ConfigError,
  DataError,
  DisposedError,
  DivergedError,
  initialParameter,
  nameKey,
  PlanError,
  type RouteName,
  referenceEngine,
  type Session,
  ShapeError,
  stepOf,
  stepValues,
  UnsupportedError,
  uniformRow,
} from "@fae/core";
import { describe, expect, it } from "vitest";
import {
  nativeMissing,
  randomTinyWords,
  tinyJob,
  tinyPlan,
  tinyProgram,
  tinySegment,
  tinySource,
  tinyWords,
} from "../native/testing.js";
import { cpuEngine } from "./engine.js";

const onHost = tinyPlan(["host"], { on: "host" });
const hotAndHybrid = tinyPlan(["hot", "hybrid"], { on: "split", hotRows: 2 });
const run = (session: Session, route: RouteName, ...batches: number[]) =>
  session.run(
    tinySegment(route, batches),
    batches.map(() => 0.1),
  );

describe.skipIf(nativeMissing("cpu"))("session", () => {
  it("starts tables by original id and parameters by name, on every placement", async () => {
    for (const plan of [
      onHost,
      tinyPlan(["mixed"], { on: "split", hotRows: 2 }),
      tinyPlan(["device"], { on: "device" }),
    ]) {
      await using session = await cpuEngine().open(tinyJob(plan));
      const rows = await session.read("a");
      for (let id = 0; id < rows.length / 4; id++) {
        const row = new Float32Array(4);
        uniformRow(row, 3, nameKey("a"), id, 0.5);
        expect(rows.subarray(4 * id, 4 * id + 4)).toEqual(row);
      }
      expect(await session.read("top")).toEqual(initialParameter(tinyProgram.params[1], 3));
      expect(await session.read("b#accumulator")).toEqual(new Float32Array(16));
      expect(await session.read("#step")).toEqual(stepValues(0));
    }
  });

  it("takes an empty list of rows for no rows", async () => {
    await using session = await cpuEngine().open(tinyJob(hotAndHybrid));
    const before = await session.read("a");
    expect(await session.read("a", new Uint32Array())).toEqual(new Float32Array());
    await session.write("a", new Float32Array(), new Uint32Array());
    expect(await session.read("a")).toEqual(before);
  });

  it("keeps every digit of a step beyond 2^24", async () => {
    await using session = await cpuEngine().open(tinyJob(onHost));
    await session.write("#step", stepValues(2 ** 24 + 1));
    await run(session, "host", 0, 1);
    expect(stepOf(await session.read("#step"))).toBe(2 ** 24 + 3);
  });

  it("runs calls in the order in which they were made", async () => {
    await using session = await cpuEngine().open(tinyJob(onHost));
    const before = session.read("#step");
    const first = run(session, "host", 0, 1);
    const between = session.read("#step");
    const second = run(session, "host", 6);
    const after = session.read("#step");
    expect((await Promise.all([before, between, after])).map(stepOf)).toEqual([0, 2, 3]);
    expect((await first).losses).toHaveLength(2);
    expect(await second).toMatchObject({ batches: 1, inputs: 2 });
  });

  it("pads and short last batches add nothing", async () => {
    const words = tinyWords([
      [1, 0.5, -1, -1],
      [0, 0.25, 3, -1],
      [1, 0.125, 3, 2],
    ]);
    const job = tinyJob(onHost, { sources: [tinySource(words)], batch: 2 });
    await using session = await cpuEngine().open(job);
    await using reference = await referenceEngine().open(job);
    for (const each of [session, reference]) await run(each, "host", 0, 1, 0);
    for (const name of ["a", "b", "bottom", "top", "bias"]) {
      const expected = await reference.read(name);
      (await session.read(name)).forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i], 5);
      });
    }
  });

  it("shuffles epochs as the reference does", async () => {
    const source = tinySource(randomTinyWords(50, 4), "train", 9);
    const job = tinyJob(onHost, { sources: [source] });
    await using session = await cpuEngine().open(job);
    await using reference = await referenceEngine().open(job);
    for (const epoch of [0, 1, 5]) {
      const [found, expected] = await Promise.all(
        [session, reference].map((each) => each.run(tinySegment("host", [3, 6, 0], "train", epoch), [0.1, 0.1, 0.1])),
      );
      found.losses.forEach((loss, i) => {
        expect(loss).toBeCloseTo(expected.losses[i], 5);
      });
    }
  });

  it("evaluates every row in order without changing anything", async () => {
    await using session = await cpuEngine().open(tinyJob(onHost));
    await using reference = await referenceEngine().open(tinyJob(onHost));
    const before = await session.read("a");
    const found = await session.evaluate("train");
    const expected = await reference.evaluate("train");
    expect(found.labels).toEqual(expected.labels);
    expect(found.loss).toBeCloseTo(expected.loss, 6);
    found.scores.forEach((score, i) => {
      expect(score).toBeCloseTo(expected.scores[i], 5);
    });
    expect(await session.read("a")).toEqual(before);
    expect(await session.read("#step")).toEqual(stepValues(0));
  });

  it("reads rows that are dirty on the device and takes written rows up again", async () => {
    const sources = [tinySource(randomTinyWords(16, 2, 2).map((word, i) => (i % 4 === 3 ? word & 1 : word)))];
    await using session = await cpuEngine().open(tinyJob(hotAndHybrid, { sources }));
    await using expected = await cpuEngine().open(tinyJob(onHost, { sources }));
    await run(session, "hot", 0, 1);
    await run(expected, "host", 0, 1);
    expect(await session.read("a#accumulator")).toEqual(await expected.read("a#accumulator"));
    for (const each of [session, expected]) await each.write("a", Float32Array.of(7, 8, 9, 10), Uint32Array.of(1));
    expect([...(await session.read("a", Uint32Array.of(1)))]).toEqual([7, 8, 9, 10]);
    const report = await run(session, "hot", 0);
    await run(expected, "host", 0);
    // All four hot rows were dirty on the device and came down before the write; the written one went up again.
    expect(report.switchedRows).toBe(5);
    expect(report.bytes.switch).toEqual({ toHost: 4 * 8 * 4, toDevice: 8 * 4 });
    for (const name of ["a", "b", "a#accumulator", "top"])
      expect(await session.read(name)).toEqual(await expected.read(name));
  });

  it.each([0, 1, 3])("servers with staleness %d give what the reference gives", async (staleness) => {
    const plan = tinyPlan(["server"], { on: "host" }, { servers: 3, staleness });
    await using session = await cpuEngine().open(tinyJob(plan));
    await using reference = await referenceEngine().open(tinyJob(plan));
    for (const each of [session, reference]) {
      await run(each, "server", 0, 1, 2, 3, 4);
      await run(each, "server", 5, 0);
    }
    for (const name of ["a", "b", "top", "a#accumulator"]) {
      const expected = await reference.read(name);
      (await session.read(name)).forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i], 4);
      });
    }
  });

  it("counts seconds for what it does", async () => {
    await using session = await cpuEngine().open(tinyJob(tinyPlan(["mixed"], { on: "split", hotRows: 2 })));
    const { totalSeconds, seconds } = await run(session, "mixed", 0, 1, 2);
    expect(totalSeconds).toBeGreaterThan(0);
    for (const stage of ["read", "gather", "forward", "backward", "update"] as const)
      expect(seconds[stage]).toBeGreaterThan(0);
  });

  it("holds bytes where the plan puts them", async () => {
    const bytes = async (plan: typeof onHost) => {
      await using session = await cpuEngine().open(tinyJob(plan));
      return session.memory();
    };
    expect((await bytes(onHost)).deviceBytes).toBe(0);
    const device = await bytes(tinyPlan(["device"], { on: "device" }));
    expect(device.deviceBytes).toBeGreaterThan(64 * 8 * 4);
    expect(device.hostBytes).toBeLessThan(64 * 8 * 4);
    const mixed = await bytes(tinyPlan(["mixed"], { on: "split", hotRows: 2 }));
    expect(mixed.hostBytes).toBeGreaterThan(60 * 8 * 4);
  });

  it("stops at a loss that is not finite, naming step and table, and stays stopped", async () => {
    await using session = await cpuEngine().open(tinyJob(onHost));
    await run(session, "host", 1);
    await session.write("b", new Float32Array(16).fill(1e30));
    await session.write("top", new Float32Array(7).fill(Number.POSITIVE_INFINITY));
    const failed = run(session, "host", 0);
    await expect(failed).rejects.toThrow(DivergedError);
    await expect(failed).rejects.toThrow(/loss of step 2 is NaN\. The largest row norm is 2e\+30, in table 'b'/);
    await expect(failed).rejects.toMatchObject({ code: "ERR_DIVERGED", details: { step: 2, table: "b" } });
    await expect(session.read("top")).rejects.toBe(await failed.catch((error) => error));
  });

  it("names row, table, id and cardinality of an id out of range", async () => {
    const words = tinyWords([
      [1, 0, 1, 1],
      [1, 0, 60, 1],
    ]);
    await using session = await cpuEngine().open(tinyJob(onHost, { sources: [tinySource(words)] }));
    const failed = run(session, "host", 0);
    await expect(failed).rejects.toThrow(DataError);
    await expect(failed).rejects.toThrow(/row 1: id 60 of table 'a', which has 60 rows/);
    await expect(failed).rejects.toMatchObject({ details: { row: 1, table: "a", id: 60, cardinality: 60 } });
  });

  it("refuses labels that are not 0 or 1 and ids below -1", async () => {
    for (const [row, message] of [
      [[2, 0, 1, 1], /row 0: label 2, expected 0 or 1/],
      [[1, 0, 1, -2], /row 0: id -2 of table 'b'/],
    ] as const) {
      await using session = await cpuEngine().open(tinyJob(onHost, { sources: [tinySource(tinyWords([row]))] }));
      await expect(session.evaluate("train")).rejects.toThrow(message);
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "refuses a dense value of %d",
    async (value) => {
      const words = tinyWords([
        [1, 0.5, 1, 1],
        [0, value, 1, 1],
      ]);
      await using session = await cpuEngine().open(tinyJob(onHost, { sources: [tinySource(words)] }));
      const message = `row 1: dense feature 0 is ${value}, expected a finite number`;
      await expect(session.evaluate("train")).rejects.toThrow(message);
      await expect(run(session, "host", 0)).rejects.toThrow(message);
    },
  );

  it("refuses a batch that is not hot", async () => {
    await using session = await cpuEngine().open(tinyJob(hotAndHybrid));
    await expect(run(session, "hot", 0)).rejects.toThrow(/Batch 0 is not hot: row \d+ of table '[ab]'/);
  });

  it("refuses wrong calls and stays usable", async () => {
    await using session = await cpuEngine().open(tinyJob(onHost));
    await expect(run(session, "hybrid", 0)).rejects.toThrow(PlanError);
    await expect(run(session, "host", 7)).rejects.toThrow(/no batch 7: it has 7/);
    await expect(session.run(tinySegment("host", [0]), [])).rejects.toThrow(/0 learning rates for 1 batches/);
    await expect(session.evaluate("test")).rejects.toThrow(/no source 'test'.*Sources: train/);
    await expect(session.read("nothing")).rejects.toThrow(ConfigError);
    await expect(session.read("a#m")).rejects.toThrow(/no tensor 'a#m'.*<name>#accumulator/);
    await expect(session.read("a", Uint32Array.of(60))).rejects.toThrow(/no row 60: it has 60/);
    await expect(session.read("top", Uint32Array.of(0))).rejects.toThrow(/has no rows/);
    await expect(session.write("b", new Float32Array(15))).rejects.toThrow(ShapeError);
    expect((await run(session, "host", 0)).batches).toBe(1);
  });

  it("finishes what was called before close and refuses what comes after", async () => {
    const session = await cpuEngine().open(tinyJob(onHost));
    const report = run(session, "host", 0, 1, 2);
    const closed = session[Symbol.asyncDispose]();
    await expect(session.read("a")).rejects.toThrow(DisposedError);
    expect((await report).batches).toBe(3);
    await closed;
    await session[Symbol.asyncDispose]();
  });

  it("does not keep the caller's arrays", async () => {
    const words = randomTinyWords(50, 1);
    const opening = cpuEngine().open(tinyJob(onHost, { sources: [tinySource(words)] }));
    words.fill(0xffff);
    await using session = await opening;
    const segment = tinySegment("host", [0]);
    const report = session.run(segment, [0.1]);
    segment.batches.fill(99);
    expect((await report).losses[0]).toBeGreaterThan(0);
  });
});

describe.skipIf(nativeMissing("cpu"))("opening a session", () => {
  it("refuses data of another model", async () => {
    const source = {
      ...tinySource(randomTinyWords(5, 1)),
      layout: { denseFeatures: 1, denseEncoding: "float32", steps: 0, hotness: [1] } as const,
    };
    await expect(cpuEngine().open(tinyJob(onHost, { sources: [source] }))).rejects.toThrow(
      /has 1 tables, the program 'tiny' takes 2/,
    );
    const short = { ...tinySource(randomTinyWords(5, 1)), rows: 6 };
    await expect(cpuEngine().open(tinyJob(onHost, { sources: [short] }))).rejects.toThrow(/20 words, expected 24/);
  });

  it("refuses two sources of one name, a batch of 0, an unknown table, an impossible plan", async () => {
    const source = tinySource(randomTinyWords(5, 1));
    await expect(cpuEngine().open(tinyJob(onHost, { sources: [source, source] }))).rejects.toThrow(
      /Two sources are named 'train'/,
    );
    await expect(cpuEngine().open(tinyJob(onHost, { batch: 0 }))).rejects.toThrow(
      /'batch' must be an integer from 1 .*found 0/,
    );
    await expect(cpuEngine().open(tinyJob(onHost, { tables: { c: {} } }))).rejects.toThrow(/table 'c'.*Tables: a, b/);
    const plan = tinyPlan(["host"], { on: "device" });
    await expect(cpuEngine().open(tinyJob(plan))).rejects.toThrow(/Route host .*table 'a'/);
    expect(cpuEngine().refuses(tinyJob(plan))).not.toEqual([]);
  });

  it("refuses other number formats", async () => {
    const job = tinyJob(onHost, { matmul: "tf32", rowType: "bf16" });
    expect(cpuEngine().refuses(job)).toEqual(["It has no bf16 rows.", "It has no tf32 arithmetic."]);
    await expect(cpuEngine().open(job)).rejects.toThrow(UnsupportedError);
  });

  it("refuses tables that do not fit into memory, with the numbers", async () => {
    const tables = [{ ...tinyProgram.tables[0], rows: 2 ** 31 - 1 }, tinyProgram.tables[1]];
    const program = {
      ...tinyProgram,
      width: 1024,
      tables,
      params: tinyProgram.params.map((param) =>
        param.name === "bottom"
          ? { ...param, shape: [1024, 1] }
          : param.name === "top"
            ? { ...param, shape: [1, 1027] }
            : param,
      ),
    };
    const failed = cpuEngine().open(tinyJob(onHost, { program }));
    await expect(failed).rejects.toMatchObject({
      code: "ERR_OUT_OF_MEMORY",
      details: { needBytes: expect.any(Number), freeBytes: expect.any(Number) },
    });
  });
});
