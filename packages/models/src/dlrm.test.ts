import { ConfigError } from "@fae/core";
import { describe, expect, it } from "vitest";
import { describeProgram } from "./describe.js";
import { type DlrmConfig, dlrm } from "./dlrm.js";

const base: DlrmConfig = {
  tableRows: [7, 100, 33],
  width: 8,
  denseFeatures: 4,
  bottomMlp: [16, 8],
  topMlp: [16, 8, 1],
};

describe("dlrm", () => {
  it.each([
    ["dlrm-dot", base],
    ["dlrm-dot-itself", { ...base, interaction: "dot-itself" }],
    ["dlrm-cat", { ...base, interaction: "cat", topMlp: [8, 1] }],
  ] as const)("%s is this program", async (name, config) => {
    await expect(describeProgram(dlrm(config))).toMatchFileSnapshot(`../test/golden/${name}.txt`);
  });

  it("activates every bottom layer and hidden top layers, and ends in a logit", () => {
    const activations = dlrm(base).nodes.map((node) =>
      "activation" in node.attributes ? node.attributes.activation : "",
    );
    expect(activations).toEqual(["relu", "relu", "", "relu", "relu", "none"]);
  });

  it("starts parameters as the reference does", () => {
    const { params } = dlrm(base);
    expect(params[0].init).toEqual({ kind: "normal", deviation: Math.sqrt(2 / (16 + 4)) });
    expect(params[1].init).toEqual({ kind: "normal", deviation: Math.sqrt(1 / 16) });
  });

  it.each<[string, Partial<DlrmConfig>, RegExp]>([
    ["a bottom MLP of another width", { bottomMlp: [16, 4] }, /ends with 4 values, embedding rows have 8/],
    ["a top MLP with several outputs", { topMlp: [16, 2] }, /ends with 2 values/],
    ["no tables", { tableRows: [] }, /dlrm: tableRows is a list of 0, expected a list that is not empty/],
    ["a fractional layer", { topMlp: [1.5, 1] }, /dlrm: topMlp\[0\] is 1\.5, expected a whole number of at least 1/],
    ["no dense features", { denseFeatures: 0 }, /dlrm: denseFeatures is 0, expected a whole number/],
  ])("refuses %s", (_, change, message) => {
    expect(() => dlrm({ ...base, ...change })).toThrow(ConfigError);
    expect(() => dlrm({ ...base, ...change })).toThrow(message);
  });
});
