import { type Result, result } from "../src/result.js";

/** A small result with two figures and a table. */
export const exampleResult = (commit = "abc", median = 4): Result =>
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
