import { ConfigError } from "@fae/core";
import { describe, expect, it } from "vitest";
import { describeProgram } from "./describe.js";
import { headSteps, referenceShape, type TbsmConfig, tbsm } from "./tbsm.js";

const base: TbsmConfig = {
  tableRows: [50, 200, 20],
  width: 16,
  denseFeatures: 1,
  bottomMlp: [16],
  towerTopMlp: [15, 15],
  history: 20,
  attentionMlp: [15, 15],
  headMlp: [60, 1],
};
const names = (change: Partial<TbsmConfig>): string[] => tbsm({ ...base, ...change }).params.map((param) => param.name);

describe("tbsm", () => {
  it.each([
    ["tbsm-def-mlp", base],
    ["tbsm-ind-mul", { ...base, inner: "ind", mechanism: "mul" }],
    ["tbsm-heads3-shortened", { ...base, heads: 3, headHistory: "shortened" }],
    ["tbsm-dot-unprojected", { ...base, inner: "dot", project: false }],
  ] as const)("%s is this program", async (name, config) => {
    await expect(describeProgram(tbsm(config))).toMatchFileSnapshot(`../test/golden/${name}.txt`);
  });

  it("shortens history as Python rounds: halves to the even neighbour", () => {
    expect(headSteps(20, 3, "shortened")).toEqual([20, 13, 7]);
    expect(headSteps(5, 2, "shortened")).toEqual([5, 2]);
    expect(headSteps(7, 2, "shortened")).toEqual([7, 4]);
    expect(headSteps(20, 2, "full")).toEqual([20, 20]);
  });

  it("has no attention MLP with mul and no A with dot", () => {
    expect(names({ mechanism: "mul" }).some((name) => name.includes("ams.0.mlp"))).toBe(false);
    expect(names({ inner: "dot" }).some((name) => name.endsWith(".A"))).toBe(false);
  });

  it("mixes several heads by a final MLP with as many inputs plus four hidden values", () => {
    const program = tbsm({ ...base, heads: 3 });
    expect(program.params.find((param) => param.name === "final_mlp.0.weight")?.shape).toEqual([7, 3]);
    expect(program.logit).toBe("final_mlp.2");
  });

  it("gives A the reference's leading axis and leaves other shapes alone", () => {
    expect(referenceShape({ name: "ams.2.A", shape: [15, 15] })).toEqual([1, 15, 15]);
    expect(referenceShape({ name: "ams.2.mlp.0.weight", shape: [15, 20] })).toEqual([15, 20]);
  });

  it("refuses a head without history", () => {
    expect(() => tbsm({ ...base, history: 1, heads: 3, headHistory: "shortened" })).toThrow(ConfigError);
  });
});
