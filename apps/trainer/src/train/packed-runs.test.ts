import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPrepared } from "@fae/datasets";
import { profile, writeProfile } from "@fae/profiler";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packData } from "../pack/pack-data.js";
import { writeSmallData } from "../test-data.js";
import type { TrainOptions } from "./options.js";
import { type TrainHooks, trainModel } from "./train-model.js";

const rowBytes = 16;
const rows = 40 + 7 + 3;
let root = "";
let data = "";
const at = (...parts: string[]): string => join(root, ...parts);
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fae-packed-"));
  data = writeSmallData(at("data"));
  for (const hotRows of [1, 5, 20, rows]) {
    const made = await profile({
      data: await openPrepared(data),
      width: 4,
      stateValues: 0,
      budgetBytes: hotRows * rowBytes,
      smallTableBytes: 0,
    });
    await writeProfile(at(`profile-${hotRows}`), made);
    await packData({ data, profile: at(`profile-${hotRows}`), out: at(`packed-${hotRows}`) });
  }
});
afterAll(() => rmSync(root, { recursive: true }));

const train = (packed: string, more: Partial<TrainOptions>, onEvent?: TrainHooks["onEvent"]) =>
  trainModel(
    {
      data: at(packed),
      model: "dlrm",
      modelOptions: { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] },
      engine: "reference",
      batch: 64,
      learningRate: 0.5,
      epochs: 2,
      shuffle: "total",
      ...more,
    },
    onEvent ? { onEvent } : {},
  );

test.each([1, 5, 20, rows])(
  "fae trains every input once per epoch, whatever is hot: budget of %i rows",
  async (budget) => {
    const report = await train(`packed-${budget}`, { strategy: "fae", optimizer: "sgd" });
    expect(report.inputs).toBe(2 * 600);
    const { hot, cold } = report.data.inputs;
    expect(report.routes.hot?.inputs ?? 0).toBe(2 * hot);
    expect(report.routes.hybrid?.inputs ?? 0).toBe(2 * cold);
    expect(report.plan.hot?.bytes).toBeLessThanOrEqual(budget * rowBytes);
    expect(report.schedulerTrace?.length).toBe(report.tests.length);
    if (budget === 1) expect(hot).toBe(0);
    if (budget === rows) expect(cold).toBe(0);
  },
);

test("fae switches more often the lower its first rate is", async () => {
  const [usual, often] = [
    await train("packed-20", { strategy: "fae", epochs: 1 }),
    await train("packed-20", { strategy: "fae", epochs: 1, shuffleRate: 20 }),
  ];
  expect(usual.schedulerTrace?.[0].rate).toBe(50);
  expect(often.schedulerTrace?.[0].rate).toBe(20);
  expect(often.switches).toBeGreaterThan(usual.switches);
  expect(often.inputs).toBe(usual.inputs);
});

test("fae begins with the smaller class, or with the one that it is told to", async () => {
  const routesOf = async (more: { readonly shuffleFirst?: "cold" | "hot" }) => {
    const routes: string[] = [];
    const report = await train("packed-20", { strategy: "fae", epochs: 1, ...more }, (event) => {
      if (event.kind === "segment") routes.push(event.route);
    });
    return { routes, smaller: report.data.inputs.hot < report.data.inputs.cold ? "hot" : "hybrid" };
  };
  const usual = await routesOf({});
  expect(usual.routes[0]).toBe(usual.smaller);
  expect((await routesOf({ shuffleFirst: "hot" })).routes[0]).toBe("hot");
  expect((await routesOf({ shuffleFirst: "cold" })).routes[0]).toBe("hybrid");
});

test("mixed is bit-equal to cpu-only at every budget and look-ahead, and moves fewer rows the more are hot", async () => {
  const expected = await train("packed-5", { strategy: "cpu-only" });
  const moved: number[] = [];
  for (const [i, budget] of [1, 5, 20, rows].entries()) {
    const report = await train(`packed-${budget}`, { strategy: "mixed", lookAhead: i });
    expect(report.lossCurve.map(({ loss }) => loss)).toEqual(expected.lossCurve.map(({ loss }) => loss));
    expect(report.metrics).toEqual(expected.metrics);
    moved.push(report.bytes.train.rows.toDevice);
  }
  expect(moved).toEqual([...moved].sort((a, b) => b - a));
  expect(moved.at(-1)).toBe(0);
});

test("another profile gives mixed another hot set without a new pack; fae refuses it", async () => {
  const more = { strategy: "mixed", profile: at("profile-20") } as const;
  const report = await train("packed-5", more);
  expect(report.plan.hot?.rows).toBe(20);
  expect(report.metrics).toEqual((await train("packed-20", { strategy: "mixed" })).metrics);
  await expect(train("packed-5", { ...more, strategy: "fae" })).rejects.toThrow("the pack has others");
  await expect(train("data", more)).rejects.toThrow("is not packed");
});

test("a budget below the hot rows, and state that makes rows larger, are refused with the bytes", async () => {
  await expect(train("packed-20", { strategy: "mixed", budgetBytes: 10 * rowBytes })).rejects.toThrow(
    "The hot rows need 320 bytes",
  );
  await expect(train("packed-20", { strategy: "fae", optimizer: "adagrad" })).rejects.toThrow(
    "20 rows of 32 bytes with optimizer state",
  );
});

test("fae without held-out inputs is refused: its scheduler needs a test loss", async () => {
  writeSmallData(at("blind"), { inputs: { train: 600 } });
  const made = await profile({
    data: await openPrepared(at("blind")),
    width: 4,
    stateValues: 0,
    budgetBytes: 320,
    smallTableBytes: 0,
  });
  await writeProfile(at("blind-profile"), made);
  await packData({ data: at("blind"), profile: at("blind-profile"), out: at("blind-packed") });
  await expect(train("blind-packed", { strategy: "fae" })).rejects.toThrow("no held-out inputs");
});
