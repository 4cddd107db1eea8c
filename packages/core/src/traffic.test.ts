import { describe, expect, it } from "vitest";
import {
  coldRowFlow,
  distinctRowCount,
  evaluationBytes,
  predictSwitches,
  predictTraffic,
  switchBytes,
  type TrafficShape,
  trainingBytes,
} from "./traffic.js";

/** RMC2 with row-wise Adagrad. */
const shape: TrafficShape = {
  layout: { denseFeatures: 13, denseEncoding: "float32", steps: 0, hotness: new Array<number>(26).fill(1) },
  width: 16,
  stateValues: 1,
  parameters: 475_985,
  hotRows: new Array<number>(26).fill(100),
  lookAhead: 1,
};
const counts = { inputs: 1024, distinctRows: 5000, fetchedRows: 300, writtenRows: 200 };
const none = { toDevice: 0, toHost: 0 };

describe("predicted traffic", () => {
  it("host moves nothing", () => {
    expect(Object.values(trainingBytes("host", shape, counts))).toEqual([none, none, none, none, none]);
  });

  it("device and hot move the inputs and nothing else", () => {
    for (const route of ["device", "hot"] as const)
      expect(trainingBytes(route, shape, counts)).toEqual({
        inputs: { toDevice: 1024 * 160, toHost: 0 },
        rows: none,
        rowState: none,
        parameters: none,
        switch: none,
      });
  });

  it("hybrid moves labels, dense features and pooled rows, whose gradients come back", () => {
    const rows = 1024 * 26 * 16 * 4;
    expect(trainingBytes("hybrid", shape, counts)).toMatchObject({
      inputs: { toDevice: 1024 * 14 * 4, toHost: 0 },
      rows: { toDevice: rows, toHost: rows },
    });
    expect(evaluationBytes("hybrid", shape, counts).rows).toEqual({ toDevice: rows, toHost: 0 });
  });

  it("server moves distinct rows and, per batch, all parameters, both ways", () => {
    expect(trainingBytes("server", shape, counts, 3)).toMatchObject({
      rows: { toDevice: 5000 * 64, toHost: 5000 * 64 },
      parameters: { toDevice: 3 * 475_985 * 4, toHost: 3 * 475_985 * 4 },
    });
    expect(evaluationBytes("server", shape, counts, 3).parameters).toEqual({ toDevice: 3 * 475_985 * 4, toHost: 0 });
  });

  it("mixed moves fetched rows with their state, and written rows back", () => {
    expect(trainingBytes("mixed", shape, counts)).toMatchObject({
      rows: { toDevice: 300 * 64, toHost: 200 * 64 },
      rowState: { toDevice: 300 * 4, toHost: 200 * 4 },
    });
    expect(evaluationBytes("mixed", shape, counts)).toMatchObject({
      rows: { toDevice: 300 * 64, toHost: 0 },
      rowState: none,
    });
  });

  const small: TrafficShape = {
    ...shape,
    layout: { denseFeatures: 0, denseEncoding: "float32", steps: 0, hotness: [2, 1] },
    hotRows: [1, 2],
  };
  const batch = (...ids: number[]) => ({ inputs: ids.length / 3, ids: Int32Array.from(ids) });

  it("counts a row of two tables twice, a repeated row once and no row not at all", () => {
    expect(distinctRowCount(small, batch(5, 5, 5, -1, 0, 5).ids)).toBe(3);
  });

  it("forwards a cold row within the look-ahead and writes it back once", () => {
    const batches = [batch(7, 0, 0), batch(7, 8, 3), batch(0, 0, 1), batch(7, 0, 3)];
    const flow = (lookAhead: number) =>
      coldRowFlow({ ...small, lookAhead }, batches).map((b) => [b.fetched, b.forwarded, b.written]);
    expect(flow(0)).toEqual([
      [1, 0, 1],
      [3, 0, 3],
      [0, 0, 0],
      [2, 0, 2],
    ]);
    expect(flow(1)).toEqual([
      [1, 0, 0],
      [2, 1, 3],
      [0, 0, 0],
      [2, 0, 2],
    ]);
    expect(flow(2)).toEqual([
      [1, 0, 0],
      [2, 1, 1],
      [0, 0, 0],
      [0, 2, 2],
    ]);
    expect(predictTraffic("mixed", { ...small, lookAhead: 2 }, batches, "train")).toMatchObject({
      coldRows: 3,
      forwardedRows: 3,
      bytes: { rows: { toDevice: 3 * 64, toHost: 3 * 64 }, rowState: { toDevice: 3 * 4, toHost: 3 * 4 } },
    });
  });

  it("switches all hot rows up first, then only rows touched since the last switch", () => {
    const switches = predictSwitches(small);
    expect(switches.segment("hybrid", [batch(0, 9, 1)])).toBe(0);
    expect(switches.segment("hot", [batch(0, 0, 1)])).toBe(3);
    expect(switches.evaluation()).toBe(2);
    expect(switches.segment("hot", [batch(0, -1, 0)])).toBe(0);
    expect(switches.segment("hybrid", [batch(4, 5, 1)])).toBe(2);
    expect(switches.segment("hot", [])).toBe(1);
    expect(switchBytes(small, 3)).toBe(3 * 17 * 4);
  });
});
