import { readFileSync } from "node:fs";
import { strideWords } from "@fae/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyBench } from "../../test/tiny-bench.js";
import { headOf } from "./head.js";
import { type Packed, packedFor } from "./pack.js";
import { timedSet } from "./timed-set.js";
import { logSpec, type Workload, workloads } from "./workloads.js";

const bench = tinyBench();
let workload: Workload;
let packed: Packed;
beforeAll(async () => {
  [workload] = await workloads(bench, ["RMC4"]);
  packed = await packedFor(bench, workload.data, { ...workload.hot, budgetBytes: 12 * 1024, smallTableBytes: 0 });
});
afterAll(() => bench[Symbol.dispose]());

const words = (path = "") => new Int32Array(new Uint8Array(readFileSync(path)).buffer);

test("a head keeps the first inputs of each class and the hot rows of the whole log", async () => {
  const whole = packed.data;
  const head = await headOf(bench, whole, { train: 100, val: 10, test: 5 });
  const stride = strideWords(head.layout);
  const { train, hot, cold, val, test: held } = head.splits;
  expect([train?.rows, val?.rows, held?.rows]).toEqual([100, 10, 5]);
  expect((hot?.rows ?? 0) + (cold?.rows ?? 0)).toBe(100);
  expect(head.packed?.hotRows).toEqual(whole.packed?.hotRows);
  for (const name of ["train", "hot", "cold", "val", "test"] as const) {
    const found = words(head.splits[name]?.path);
    expect(found).toEqual(words(whole.splits[name]?.path).subarray(0, found.length));
  }
  const isHot = (input: Int32Array) =>
    [...input.subarray(1 + head.layout.denseFeatures)].every((id, t) => id < (head.packed?.hotRows[t] ?? 0));
  const inputs = words(train?.path);
  const hotInputs = Array.from({ length: 100 }, (_, i) => inputs.subarray(i * stride, (i + 1) * stride)).filter(isHot);
  expect(hotInputs).toHaveLength(hot?.rows ?? -1);
  expect(hotInputs.length).toBeGreaterThan(0);
  expect(hotInputs.length).toBeLessThan(100);
});

test("data packed without classes are refused", async () => {
  const { hot, cold, ...splits } = packed.data.splits;
  await expect(headOf(bench, { ...packed.data, splits }, { train: 1, val: 1, test: 1 })).rejects.toThrow(
    /was packed without classes.*not packed at all/,
  );
});

test("a head as long as the data is the data", async () => {
  const all = { train: 2 ** 40, val: 2 ** 40, test: 2 ** 40 };
  expect(await headOf(bench, packed.data, all)).toBe(packed.data);
});

test("packed data of the user's own are taken as they are", async () => {
  const own = { ...bench, data: packed.data.directory };
  const [mine] = await workloads(own, ["RMC1", "RMC2", "RMC3", "RMC4"]);
  expect(mine.name).toBe("RMC4");
  const set = await timedSet(own, mine, { train: 2 ** 40, heldOut: 2 ** 40 });
  expect(set.data.directory).toBe(packed.data.directory);
  expect(set.profile.data.inputs).toBe(packed.data.splits.train?.rows);
});

test("tables are scaled to the memory that is there", () => {
  const scale = (GiB: number, source: "criteo-terabyte" | "criteo-kaggle") =>
    logSpec({ size: "full", memoryBytes: GiB * 2 ** 30 }, source).scale;
  expect([scale(512, "criteo-terabyte"), scale(128, "criteo-terabyte"), scale(24, "criteo-terabyte")]).toEqual([
    1, 0.5, 0.1,
  ]);
  expect(scale(8, "criteo-kaggle")).toBe(1);
});
