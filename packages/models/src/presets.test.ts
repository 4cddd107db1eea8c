import type { Program } from "@fae/core";
import { describe, expect, it } from "vitest";
import { avazuRows, criteoKaggleRows, criteoTerabyteRows, taobaoRows } from "./cardinalities.js";
import { parameterCount } from "./describe.js";
import { rmc1, rmc2, rmc3, rmc4, synM1, synM2, synM3, synM4 } from "./presets.js";

const sum = (rows: readonly number[]): number => rows.reduce((total, n) => total + n, 0);
const shape = (program: Program, name: string): readonly number[] | undefined =>
  program.params.find((param) => param.name === name)?.shape;

describe("presets", () => {
  it.each([
    ["rmc1", rmc1, 3_638, 3, 16],
    ["rmc2", rmc2, 475_985, 26, 16],
    ["rmc3", rmc3, 762_177, 26, 64],
    ["rmc4", rmc4, 408_401, 21, 16],
    ["syn-m1", synM1, 214_401, 26, 64],
    ["syn-m2", synM2, 384_577, 26, 64],
    ["syn-m3", synM3, 1_572_929, 26, 64],
    ["syn-m4", synM4, 2_081_601, 26, 64],
  ] as const)(
    "%s has the paper's number of dense parameters, tables and width",
    (name, preset, parameters, tables, width) => {
      const program = preset();
      expect(program.name).toBe(name);
      expect(parameterCount(program)).toBe(parameters);
      expect(program.tables).toHaveLength(tables);
      expect(program.width).toBe(width);
    },
  );

  it("has the published cardinalities", () => {
    expect([sum(taobaoRows), sum(criteoKaggleRows), sum(criteoTerabyteRows), sum(avazuRows)]).toEqual([
      5_159_457, 33_762_577, 265_999_998, 9_449_226,
    ]);
  });

  it("feeds the interaction of all pairs and the bottom output to the first top layer", () => {
    expect(shape(rmc2(), "top_l.0.weight")).toEqual([512, 367]);
    expect(shape(rmc3(), "top_l.0.weight")).toEqual([512, 415]);
    expect(shape(rmc4(), "top_l.0.weight")).toEqual([512, 247]);
    expect(shape(rmc1(), "dlrm.top_l.0.weight")).toEqual([15, 22]);
    expect(shape(rmc1(), "mlps.0.0.weight")).toEqual([60, 30]);
    expect(shape(rmc1(), "ams.0.mlp.4.weight")).toEqual([20, 15]);
  });

  it("takes the cardinalities of a data set", () => {
    const program = rmc1([5, 6, 7]);
    expect(program.tables.map((table) => table.rows)).toEqual([5, 6, 7]);
    expect(program.tables[1].init).toEqual({ kind: "uniform", bound: Math.sqrt(1 / 6) });
  });
});
