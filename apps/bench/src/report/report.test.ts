import { expect, test } from "vitest";
import { compare } from "../compare.js";
import { type Result, result } from "../result.js";
import { figureSvg } from "./figure-svg.js";
import { htmlReport } from "./html.js";
import { markdownReport } from "./markdown.js";

export const example = (commit = "abc", median = 4): Result =>
  result.parse({
    schema: 1,
    scenario: "speed",
    title: "Speed <of> training",
    paper: "1.8 times",
    startedAt: "2026-01-01T00:00:00Z",
    seconds: 3,
    command: "fae-bench run speed",
    commit,
    versions: { node: "20" },
    machine: { cpu: "CPU", cores: 2, memoryBytes: 2 ** 34, os: "Linux", gpus: [], engines: {} },
    options: {},
    seeds: [1],
    repeats: [],
    checks: [{ what: "same loss", passed: true, detail: "0" }],
    tables: [{ title: "t", columns: ["a", "b"], rows: [["x|y", 1234567]] }],
    figures: [
      {
        title: "Step time",
        kind: "bars",
        x: ["rmc2", "rmc3"],
        yTitle: "ms",
        series: [
          { name: "mixed", values: [median, 8], low: [3, 7], high: [5, 9] },
          { name: "paper", values: [1.8, null], published: true },
        ],
      },
      {
        title: "Curve",
        kind: "curve",
        x: [1, 10, 100],
        logX: true,
        yTitle: "share",
        series: [{ name: "a", values: [0.1, 0.5, 0.9] }],
      },
    ],
    notes: ["synthetic"],
  });

test("the page is self-contained and escapes what it shows", () => {
  const page = htmlReport([{ directory: "here", results: [example()] }]);
  expect(page).toContain("Speed &lt;of&gt; training");
  expect(page).toContain("1,234,567");
  expect(page).not.toMatch(/<script|src=|href="http/);
});

test("a figure draws one bar per value and a whisker per spread", () => {
  const svg = figureSvg(example().figures[0], 860);
  expect(svg).toContain("rmc3");
  expect((svg.match(/stroke="#222"/g) ?? []).length).toBe(2);
});

test("the markdown escapes cells and names the figures' files", () => {
  const text = markdownReport(
    [{ directory: "here", results: [example()] }],
    (_, scenario, i) => `figures/${scenario}-${i}.svg`,
  );
  expect(text).toContain("x\\|y");
  expect(text).toContain("figures/speed-1.svg");
});

test("two results compare as ratios, and other machines are refused", () => {
  expect(compare(example(), example("def", 2), false)[0].rows[0]).toEqual(["mixed, rmc2", 4, 2, 0.5]);
  const elsewhere = { ...example(), machine: { ...example().machine, cores: 16 } };
  expect(() => compare(example(), elsewhere, false)).toThrow(/different machines.*--across-machines/);
});
