import { ConfigError } from "@fae/core";
import { describe, expect, it } from "vitest";
import { type DeepFmConfig, deepfm } from "./deepfm.js";
import { describeProgram } from "./describe.js";

const base: DeepFmConfig = { tableRows: [7, 100, 33], width: 5, denseFeatures: 4, topMlp: [16, 8, 1] };

describe("deepfm", () => {
  it("is this program", async () => {
    await expect(describeProgram(deepfm(base))).toMatchFileSnapshot("../test/golden/deepfm.txt");
  });

  it.each<[string, Partial<DeepFmConfig>, RegExp]>([
    ["rows without a vector", { width: 1 }, /width is 1/],
    ["a deep part with several outputs", { topMlp: [16, 2] }, /deep part ends with 2 values/],
    ["no tables", { tableRows: [] }, /tableRows is a list of 0/],
    ["no dense features", { denseFeatures: 0 }, /denseFeatures is 0/],
  ])("refuses %s", (_, change, message) => {
    expect(() => deepfm({ ...base, ...change })).toThrow(ConfigError);
    expect(() => deepfm({ ...base, ...change })).toThrow(message);
  });
});
