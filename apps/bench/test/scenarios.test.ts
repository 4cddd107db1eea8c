import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { writeReport } from "../src/report/write-report.js";
import { readResult, readResults } from "../src/result-file.js";
import { runScenarios } from "../src/run-scenarios.js";
import { scenarios } from "../src/scenarios/index.js";
import { openPage, phoneWidth } from "./chromium.js";
import { tinyBench } from "./tiny-bench.js";

const bench = tinyBench({ repeats: 2 });
const out = mkdtempSync(join(tmpdir(), "fae-scenarios-"));
afterAll(() => {
  bench[Symbol.dispose]();
  rmSync(out, { recursive: true });
});

test("names are different and fit file names", () => {
  const names = scenarios.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z-]+$/);
});

// One cache and one store of shared work: the scenarios run as they do in one run, in their order.
const here = scenarios.filter(({ name }) => name !== "peers");
test.each(here.map((scenario) => [scenario.name, scenario] as const))("%s, tiny", async (name, scenario) => {
  const [outcome] = await runScenarios({
    scenarios: [scenario],
    bench,
    out,
    isNamed: true,
    maxSeconds: null,
    command: `fae-bench run ${name}`,
    commit: "abc",
    options: { size: "tiny" },
  });
  if (outcome.error) throw outcome.error;
  expect(outcome.failedChecks).toEqual([]);
  const found = await readResult(outcome.path ?? "");
  expect(found.checks.length).toBeGreaterThan(0);
  expect(found.repeats.length).toBeGreaterThan(0);
  expect(found.notes.length).toBeGreaterThan(0);
  expect(found.figures.length).toBeGreaterThan(0);
  for (const figure of found.figures) {
    expect(figure.series.length).toBeGreaterThan(0);
    for (const series of figure.series) expect(series.values).toHaveLength(figure.x.length);
    expect(figure.series.some(({ values }) => values.some((value) => value !== null))).toBe(true);
  }
  for (const table of found.tables) for (const row of table.rows) expect(row).toHaveLength(table.columns.length);
});

test("the paper's headlines are answered", async () => {
  const { folders } = await readResults(out);
  const found = folders[0].results.flatMap(({ headlines }) => headlines);
  expect(found.map(({ what, paper, ours }) => [what, paper, ours === null])).toEqual([
    ["RMC2, Criteo Kaggle: hot inputs with 6.8 % of the rows hot", 76, false],
    ["RMC3, Criteo Terabyte: hot inputs with 0.7 % of the rows hot", 82, false],
    ["RMC1, Taobao: fae above the baseline", -0.18, false],
    ["RMC2, Criteo Kaggle: fae above the baseline", 0, false],
    ["RMC3, Criteo Terabyte: fae above the baseline", -0.01, false],
    ["RMC4, Avazu: fae above the baseline", -0.01, false],
    ["every data set and seed: mixed above the baseline", null, false],
    ["saved by fae against hybrid training", 50, false],
    ["saved by mixed against hybrid training", null, false],
    ["switches and tests of fae, share of training", 13, false],
    ["the same with profile and pack, of one epoch", 13, false],
    ["fae over the parameter server", 1.52, false],
    ["mixed over the parameter server", null, false],
    ["fae over hybrid training", 1.8, false],
    ["mixed over hybrid training", null, false],
    ["fae over the CPU only", 2.3, false],
    ["mixed over the CPU only", null, false],
  ]);
});

describe("the report of all scenarios", () => {
  const html = join(out, "report.html");

  test("draws every figure, twice on the page, and writes it for the Markdown", async () => {
    const { folders } = await readResults(out);
    const figures = folders[0].results.flatMap((result) => result.figures);
    await writeReport(folders, { html, markdown: join(out, "report.md") });
    const page = readFileSync(html, "utf8");
    expect(page.match(/<svg/g)).toHaveLength(2 * figures.length);
    expect(page).not.toMatch(/<script|src=|href="http|NaN|undefined/);
    expect(page).toContain("XDL, the paper's first baseline");
    const markdown = readFileSync(join(out, "report.md"), "utf8");
    const pictures = [...markdown.matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map(([, path]) => path);
    expect(pictures).toHaveLength(figures.length);
    for (const path of pictures) expect(readFileSync(join(out, path), "utf8")).toMatch(/^<svg[\s\S]*<\/svg>\s*$/);
  });

  const reason = openPage === null ? " (skipped: no Chromium on PATH)" : "";
  test.skipIf(openPage === null)(`fits a desktop and a phone in Chromium${reason}`, async () => {
    for (const width of [900, phoneWidth]) {
      const facts = await openPage?.(html, width);
      expect(facts).toMatchObject({ width, tooWide: [] });
      expect(facts?.scrollWidth).toBeLessThanOrEqual(width);
      expect(facts?.visibleFigures).toBeGreaterThan(20);
      expect(facts?.headings).toContain("Speed-up on RMC1 to RMC4");
    }
  });
});
