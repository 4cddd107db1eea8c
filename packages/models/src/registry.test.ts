import { describe, expect, it } from "vitest";
import { dataShape, findModel, models } from "./registry.js";

const criteo = { denseFeatures: 13, steps: 0, tableRows: Array.from({ length: 26 }, (_, k) => k + 1) };
const taobao = { denseFeatures: 1, steps: 21, tableRows: [5, 6, 7] };

describe("models", () => {
  it("build for data of the shape that they fit", () => {
    for (const { name, fits, build } of models) {
      const data = fits ? { ...fits, tableRows: Array.from({ length: fits.tables }, (_, k) => 10 + k) } : undefined;
      const program = build(data ?? (name === "tbsm" ? taobao : criteo));
      expect(program.name).toBe(name);
    }
  });

  it("name the model that fits when data and model do not match", () => {
    expect(() => findModel("rmc2").build(taobao)).toThrow(
      /'rmc2' needs 13 dense features, 26 tables and 0 steps; the data have 1 .* 21 steps\. Use model 'rmc1'/,
    );
    expect(() => findModel("rmc4").build({ ...criteo, denseFeatures: 2 })).toThrow(/Use model 'dlrm'/);
    expect(() => findModel("dlrm").build(taobao)).toThrow(/Use model 'tbsm'/);
    expect(() => findModel("tbsm").build(criteo)).toThrow(/Use model 'dlrm'/);
  });

  it("of one's own take sizes as options, presets refuse them", () => {
    const program = findModel("dlrm").build(criteo, { width: 4, topMlp: [3, 1] });
    expect(program.params.map((param) => param.shape.join("x"))).toContain("3x355");
    expect(() => findModel("rmc2").build(criteo, { width: 4 })).toThrow(/'width' cannot change/);
    expect(() => findModel("tbsm").build(taobao, { topMlp: [3, 1] })).toThrow(/'tbsm' has no option 'topMlp'.*headMlp/);
    expect(() => findModel("dlrm").build(criteo, { headMlp: [3, 1] })).toThrow(
      /'dlrm' has no option 'headMlp'.*topMlp/,
    );
    expect(findModel("tbsm").build(taobao, { width: 4, towerTopMlp: [3], headMlp: [5, 1] }).width).toBe(4);
  });

  it("are found by name, and a wrong name lists them", () => {
    expect(findModel("RMC3").name).toBe("rmc3");
    expect(() => findModel("rmc9")).toThrow(/no model 'rmc9'\. Use one of rmc1, rmc2/);
  });

  it("read the shape of a prepared data set", () => {
    expect(
      dataShape({ layout: { denseFeatures: 1, steps: 21 }, tables: [{ rows: 5 }, { rows: 6 }, { rows: 7 }] }),
    ).toEqual(taobao);
  });
});
