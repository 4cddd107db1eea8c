import { ConfigError } from "@fae/core";
import { describe, expect, it } from "vitest";
import { type Dcnv2Config, dcnv2 } from "./dcnv2.js";
import { describeProgram } from "./describe.js";

const base: Dcnv2Config = {
  tableRows: [7, 100, 33],
  width: 8,
  denseFeatures: 4,
  bottomMlp: [16, 8],
  crossLayers: 2,
  crossRank: 5,
  topMlp: [16, 1],
};

describe("dcnv2", () => {
  it.each([
    ["dcnv2-stacked", base],
    ["dcnv2-parallel", { ...base, structure: "parallel" }],
  ] as const)("%s is this program", async (name, config) => {
    await expect(describeProgram(dcnv2(config))).toMatchFileSnapshot(`../test/golden/${name}.txt`);
  });

  it("has the size of MLPerf's model by default", () => {
    const { params } = dcnv2({ ...base, width: 128, bottomMlp: [512, 256, 128], crossLayers: 3, crossRank: 512 });
    const features = 4 * 128;
    expect(params.filter(({ name }) => name.startsWith("cross.")).map(({ shape }) => shape)).toEqual(
      [0, 1, 2].flatMap(() => [[512, features], [features, 512], [features]]),
    );
  });

  it.each<[string, Partial<Dcnv2Config>, RegExp]>([
    ["a bottom MLP of another width", { bottomMlp: [16, 4] }, /ends with 4 values, embedding rows have 8/],
    ["a top MLP with several outputs", { topMlp: [16, 2] }, /top MLP ends with 2 values/],
    ["no cross layers", { crossLayers: 0 }, /crossLayers is 0/],
    ["a fractional rank", { crossRank: 1.5 }, /crossRank is 1.5/],
    ["another structure", { structure: "serial" as "stacked" }, /structure is 'serial'/],
  ])("refuses %s", (_, change, message) => {
    expect(() => dcnv2({ ...base, ...change })).toThrow(ConfigError);
    expect(() => dcnv2({ ...base, ...change })).toThrow(message);
  });
});
