import { referenceEngine } from "@fae/core";
import { expect, test } from "vitest";
import { checksOf, type Point } from "./budget-bytes.js";

const point = (fae: readonly number[], mixed: readonly number[]): Point => ({
  optimizer: "sgd",
  budgetBytes: 100,
  refusedNeed: null,
  hotSet: { threshold: 1, hotRows: [1], rows: 1, bytes: 64, whole: [false], lastTie: [0] },
  sampledBytes: 64,
  counted: { copied: 64, held: { fae: 65, mixed: 64 }, losses: { fae, mixed } },
});
const checks = (...points: readonly Point[]) => checksOf({ engine: referenceEngine() }, "sgd", points);
const losses = (...points: readonly Point[]) => checks(...points).find(({ what }) => what.includes("equal losses"));

test("losses of fae and mixed are equal, all of them", () => {
  expect(losses(point([0.5, 0.25], [0.5, 0.25]))).toMatchObject({ passed: true });
  for (const mixed of [[0.5, 0.25 + 1e-12], [0.5], [0.5, 0.25, 0.125]])
    expect(losses(point([0.5, 0.25], mixed))).toMatchObject({ passed: false, detail: "not with 100 bytes" });
  expect(losses(point([], []))).toMatchObject({ passed: false });
});

test("no budget at all passes no check", () => {
  for (const check of checks()) expect(check).toMatchObject({ passed: false, detail: "nothing to compare" });
});
