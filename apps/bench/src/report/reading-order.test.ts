import { expect, test } from "vitest";
import type { Result } from "../result.js";
import { readingOrder } from "./reading-order.js";

const result = (scenario: string, gpus: string[] = []) => ({ scenario, machine: { gpus } }) as unknown as Result;
const folder = (directory: string, ...results: Result[]) => ({ directory, results });

test("machines with a gpu come first, then those with more results, each in the order of the scenarios", () => {
  const ordered = readingOrder([
    folder("one", result("micro")),
    folder("two", result("own"), result("drift"), result("speed-up")),
    folder("gpu", result("accuracy", ["H100"])),
  ]);
  expect(ordered.map(({ directory, results }) => [directory, ...results.map(({ scenario }) => scenario)])).toEqual([
    ["gpu", "accuracy"],
    ["two", "speed-up", "drift", "own"],
    ["one", "micro"],
  ]);
});
