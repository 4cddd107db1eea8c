import { permutation, predictTraffic, type RouteName } from "@fae/core";
import { describe, expect, it } from "vitest";
import { skewedData } from "../test/skewed-data.js";
import { expectedTraffic, totalBytes } from "./expected-traffic.js";

describe("expectedTraffic", () => {
  it("is the mean of what core predicts for the same batches", () => {
    const [rows, hotRows, batch, seed] = [[300, 50], [100, 20], 32, 4];
    const { source, ids } = skewedData({ inputs: 1000, tables: [{ rows: 300, hotness: 2 }, { rows: 50 }], skew: 1 });
    const shape = { layout: source.layout, width: 8, stateValues: 3, parameters: 77, hotRows, lookAhead: 2 };
    const expected = expectedTraffic({
      source,
      isHot: (table, id) => id < hotRows[table],
      hotInputShare: 0.25,
      width: 8,
      stateValues: 3,
      parameters: 77,
      lookAhead: 2,
      batch,
      seed,
    });
    expect(rows).toHaveLength(2);
    expect(expected.measuredBatches).toBe(31);
    const rowAt = permutation(1000, seed, 0);
    const batches = Array.from({ length: 31 }, (_, b) => ({
      inputs: batch,
      ids: Int32Array.from(
        Array.from({ length: batch }, (_, i) => rowAt(b * batch + i)).flatMap((row) => [
          ids[0][2 * row],
          ids[0][2 * row + 1],
          ids[1][row],
        ]),
      ),
    }));
    for (const route of ["host", "hybrid", "server", "mixed", "hot", "device"] as const satisfies RouteName[]) {
      const predicted = predictTraffic(route, shape, batches, "train");
      for (const direction of ["toDevice", "toHost"] as const)
        expect(totalBytes(expected.bytes[route], direction)).toBeCloseTo(
          totalBytes(predicted.bytes, direction) / 31,
          6,
        );
      if (route === "mixed") {
        expect(expected.fetchedRows).toBeCloseTo(predicted.coldRows / 31, 9);
        expect(expected.forwardedRows).toBeCloseTo(predicted.forwardedRows / 31, 9);
        expect(predicted.forwardedRows).toBeGreaterThan(0);
      }
    }
    const { hot, hybrid, fae } = expected.bytes;
    expect(fae.rows.toHost).toBeCloseTo(0.75 * hybrid.rows.toHost + 0.25 * hot.rows.toHost, 9);
  });

  it("of fewer inputs than a batch takes them all as one batch", () => {
    const { source } = skewedData({ inputs: 10, tables: [{ rows: 5 }] });
    const expected = expectedTraffic({
      source,
      isHot: () => true,
      hotInputShare: 1,
      width: 2,
      stateValues: 0,
      parameters: 0,
      lookAhead: 2,
      batch: 64,
      seed: 0,
    });
    expect(expected.measuredBatches).toBe(1);
    expect(expected.coldRows).toBe(0);
    expect(expected.bytes.device.inputs.toDevice).toBe(10 * 12);
  });
});
