import { expect, test } from "vitest";
import { formatBytes, formatCount, formatMetric, formatSeconds, textTable } from "./format.js";

test("numbers get units people read", () => {
  expect([0, 1023, 1536, 256 * 2 ** 20, 63.4 * 2 ** 30].map(formatBytes)).toEqual([
    "0 B",
    "1023 B",
    "1.50 KiB",
    "256 MiB",
    "63.4 GiB",
  ]);
  expect([7, 9999, 33_762_577].map(formatCount)).toEqual(["7", "9999", "33.8 M"]);
  expect([0.0123, 8.25, 200, 7500].map(formatSeconds)).toEqual(["0.012 s", "8.3 s", "3 min 20 s", "2 h 05 min"]);
  expect([null, Number.NaN].map((metric) => formatMetric(metric))).toEqual(["-", "-"]);
});

test("a table keeps its columns aligned", () => {
  expect(
    textTable([
      ["name", "rows"],
      ["a", "12"],
      ["long", "3"],
    ]),
  ).toBe("name  rows\n----  ----\na       12\nlong     3");
});

test("a table may have as many rows as there are tensors", () => {
  const rows = new Array<string[]>(300_000).fill(["a", "1"]);
  expect(textTable([["name", "n"], ...rows]).startsWith("name  n\n----  -\na     1\n")).toBe(true);
});
