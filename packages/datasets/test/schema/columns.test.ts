import { describe, expect, it } from "vitest";
import { type Rest, rowsOf, small } from "./support.js";

const lines = (...rows: string[]): string => `${rows.join("\n")}\n`;
const none = { by: "none" } as const;

describe("labels", () => {
  const labelsOf = async (label: Rest["label"], ...values: string[]) => {
    const { train } = await rowsOf(lines("label,item", ...values.map((value) => `${value},a`)), { ...small, label });
    return train.map(([first]) => first);
  };
  it("are 0 and 1 in the ways in which programs write them", async () => {
    expect(await labelsOf("label", "0", "1", "0.0", "1.0", "true", "False")).toEqual([0, 1, 0, 1, 1, 0]);
    expect(await labelsOf(["label"], "1")).toEqual([1]); // a list of one: several may come
  });
  it("come from a threshold or from values", async () => {
    expect(await labelsOf({ column: "label", at_least: 4 }, "3.5", "4", "5", "-1")).toEqual([0, 1, 1, 0]);
    expect(await labelsOf({ column: "label", positive: ["buy", 2] }, "view", "buy", "2")).toEqual([0, 1, 1]);
  });
});

describe("dense columns", () => {
  const denseOf = async (dense: Rest["dense"], ...values: string[]) => {
    const text = lines("label,item,x", ...values.map((value) => `0,a,${value}`));
    const { train } = await rowsOf(text, { ...small, dense });
    return train.map((row) => row[1]);
  };
  it("are taken as they are, as logarithms, or as distances from the mean", async () => {
    expect(await denseOf(["x"], "1.5", "-2e3", "0.1")).toEqual([1.5, -2000, Math.fround(0.1)]);
    expect(await denseOf([{ column: "x", transform: "log1p" }], "0", "9")).toEqual([0, Math.fround(Math.log1p(9))]);
    expect(await denseOf([{ column: "x", transform: "z-score" }], "1", "3", "5", "7")).toEqual(
      [-3, -1, 1, 3].map((d) => Math.fround(d / Math.sqrt(5))),
    );
  });
  it("that do not vary are 0 as distances", async () => {
    expect(await denseOf([{ column: "x", transform: "z-score" }], "4", "4")).toEqual([0, 0]);
  });
  it("are filled and cut", async () => {
    expect(await denseOf([{ column: "x", fill: 7, min: 0, max: 100 }], "", "-5", "500")).toEqual([7, 0, 100]);
  });
  it("of integers that are all logarithms stay integers, as those of Criteo", async () => {
    const text = lines("label,item,x", "0,a,4", "1,a,", "1,b,-2");
    const dense: Rest["dense"] = [{ column: "x", type: "integer", transform: "log1p", fill: 0, min: 0 }];
    const { train, manifest } = await rowsOf(text, { ...small, dense });
    expect(manifest.layout.denseEncoding).toBe("int32-log1p");
    expect(train.map((row) => row[1])).toEqual([4, 0, 0]);
  });
  it("learn their mean from the training inputs alone", async () => {
    const text = lines("label,item,x", "0,a,1", "0,a,3", "0,a,1000");
    const dense: Rest["dense"] = [{ column: "x", transform: "z-score" }];
    const found = await rowsOf(text, { ...small, dense, split: { by: "share", test: 1 } });
    expect(found.manifest.schema?.zScores).toEqual([{ mean: 2, deviation: 1 }]);
    expect(found.test[0][1]).toBe(998);
  });
  it("may be none: then one is always 1", async () => {
    expect((await rowsOf(lines("label,item", "1,a"), small)).train).toEqual([[1, 1, 0]]);
  });
});

describe("tables", () => {
  const idsOf = async (table: Rest["tables"][number], ...values: string[]) => {
    const text = lines("label,item", ...values.map((value) => `0,${value}`));
    const { train, manifest } = await rowsOf(text, { ...small, tables: [table] });
    return { ids: train.map((row) => row.slice(2)), rows: manifest.tables[0].rows };
  };
  it("number keys as they appear, the missing value too", async () => {
    expect(await idsOf("item", "b", "a", '""', "b", '"a"')).toEqual({ ids: [[0], [1], [2], [0], [1]], rows: 3 });
  });
  it("of integers know one form of each", async () => {
    const table = { column: "item", type: "integer" } as const;
    const { ids } = await idsOf(table, "7", "007", "+7", "7.0", "-7", "0", "-0", "123456789012345678901234567890");
    expect(ids.flat()).toEqual([0, 0, 0, 0, 1, 2, 2, 3]);
  });
  it("that are hashed keep row 0 for the missing value and differ by seed", async () => {
    const hashed = (seed: number) => idsOf({ column: "item", ids: "hash", rows: 1000, seed }, "a", '""', "b", "a");
    const [one, two] = [await hashed(1), await hashed(2)];
    expect(one.rows).toBe(1000);
    expect(one.ids[1]).toEqual([0]);
    expect(one.ids[0]).toEqual(one.ids[3]);
    expect(one.ids[0]).not.toEqual(one.ids[2]);
    expect(two.ids[0]).not.toEqual(one.ids[0]);
  });
  it("give rare keys one row, the missing value keeps its own", async () => {
    const found = await idsOf({ column: "item", min_count: 2 }, "a", "x", "a", '""', "y", "b", "b");
    expect(found).toEqual({ ids: [[0], [1], [0], [2], [1], [3], [3]], rows: 4 });
  });
  it("count rare keys in the training inputs alone", async () => {
    const text = lines("label,item", "0,a", "0,b", "0,a", "0,b", "0,b");
    const tables = [{ column: "item", min_count: 2 }];
    const found = await rowsOf(text, { ...small, tables, split: { by: "share", test: 2 } });
    expect(found.train.map((row) => row[2])).toEqual([0, 1, 0]);
    expect(found.test.map((row) => row[2])).toEqual([1, 1]);
  });
  it("of buckets count the bounds at most the value, the last row is the missing value", async () => {
    const found = await idsOf({ column: "item", buckets: [10, 20] }, "9", "10", "19.9", "20", '""', "-1e9");
    expect(found).toEqual({ ids: [[0], [1], [1], [2], [3], [0]], rows: 4 });
  });
  it("of lists pad their bags", async () => {
    const list = { column: "item", list: { separator: "|", most: 3 } } as const;
    expect(await idsOf(list, "a|b", '""', "b||c")).toEqual({
      ids: [
        [0, 1, -1],
        [-1, -1, -1],
        [1, 2, 3],
      ],
      rows: 4,
    });
    const cut = (longer: "first" | "last") =>
      idsOf({ column: "item", list: { separator: "|", most: 2, longer } }, "a|b|c");
    expect((await cut("first")).ids).toEqual([[0, 1]]);
    expect(await cut("last")).toEqual({ ids: [[0, 1]], rows: 2 });
  });
  it("whose bags are all empty have one row", async () => {
    expect(await idsOf({ column: "item", list: { separator: "|", most: 2 } }, '""')).toEqual({
      ids: [[-1, -1]],
      rows: 1,
    });
  });
  it("take values that stand for a missing one", async () => {
    const text = lines("label,item", "0,NA", '0,""', "0,\\N", "0,a");
    const { train } = await rowsOf(text, { ...small, missing: ["NA", "\\N"] });
    expect(train.map((row) => row[2])).toEqual([0, 0, 0, 1]);
  });
});

it("sequences give one step a value, single values come again at each", async () => {
  const text = lines("label,user,item,gap", "1,u,a b c,0.5 1 2", "0,v,c c a,0 0 0");
  const { train, manifest } = await rowsOf(text, {
    label: "label",
    steps: 3,
    dense: [{ column: "gap", sequence: { separator: " " } }],
    tables: ["user", { column: "item", sequence: { separator: " " } }],
    split: none,
  });
  expect(manifest.layout).toMatchObject({ steps: 3, denseFeatures: 1, hotness: [1, 1] });
  expect(train).toEqual([
    [1, 0.5, 0, 0, 1, 0, 1, 2, 0, 2],
    [0, 0, 1, 2, 0, 1, 2, 0, 1, 0],
  ]);
});

describe("splits", () => {
  const text = lines("label,item,at,fold", ...[5, 1, 3, 2, 4, 3].map((at, i) => `0,${i},${at},${"abc"[i % 3]}`));
  const split = async (of: Rest["split"]) => {
    const schema: Rest = { ...small, time: "at", split: of };
    const { train, val, test } = await rowsOf(text, schema);
    return [train, val, test].map((rows) => rows.map((row) => row[2]));
  };
  it("by time keep inputs of one moment together", async () => {
    expect(await split({ by: "time", val: 2, test: 1 })).toEqual([[1, 3], [2, 4, 5], [0]]);
    expect(await split({ by: "time", test: 3 })).toEqual([[1, 3], [], [0, 2, 4, 5]]);
    expect(await split({ by: "time", val_from: 3, test_from: 5 })).toEqual([[1, 3], [2, 4, 5], [0]]);
  });
  it("by share take the last rows", async () => {
    expect(await split({ by: "share", val: 1, test: 2 })).toEqual([[0, 1, 2], [3], [4, 5]]);
    expect(await split({ by: "share", val: 1, test: 2, order: "test-val" })).toEqual([[0, 1, 2], [5], [3, 4]]);
  });
  it("by column take the values that are named", async () => {
    expect(await split({ by: "column", column: "fold", train: ["a"], val: ["b"], test: ["c"] })).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
  });
});

it("columns that are left out are said", async () => {
  expect((await rowsOf(lines("label,other,item", "0,x,a"), small)).notices).toEqual([
    "'log.csv': columns that the schema does not name are left out: other",
  ]);
});
