import { expect, test } from "vitest";
import { exampleResult } from "../../test/example-result.js";
import { compare } from "../compare.js";
import { figureFile, figureSvg } from "./figure-svg.js";
import { htmlReport } from "./html.js";
import { markdownReport } from "./markdown.js";

test("the page is self-contained and escapes what it shows", () => {
  const page = htmlReport([{ directory: "here", results: [exampleResult()] }]);
  expect(page).toContain("Speed &lt;of&gt; training");
  expect(page).toContain("1,234,567");
  expect(page).not.toMatch(/<script|src=|href="http/);
});

test("a figure draws one bar per value and a whisker per spread", () => {
  const svg = figureSvg(exampleResult().figures[0], 860);
  expect(svg).toContain("rmc3");
  expect((svg.match(/stroke="#222"/g) ?? []).length).toBe(2);
});

test("a figure on one page shares no name with another, and as a file is the same every time", () => {
  const [figure] = exampleResult().figures;
  const names = (svg: string) => new Set(svg.match(/(?<=class=")[^"]+/g));
  const [first, second] = [figureSvg(figure, 860), figureSvg(figure, 860)].map(names);
  expect(first.size).toBeGreaterThan(0);
  expect([...first].filter((name) => second.has(name))).toEqual([]);
  const file = figureFile(figure, 860);
  expect(figureFile(figure, 860)).toBe(file);
  expect(names(file).size).toBe(first.size);
  for (const name of names(file)) expect(file).toContain(`.${name}:hover`);
});

test("the markdown escapes cells and names the figures' files", () => {
  const text = markdownReport(
    [{ directory: "here", results: [exampleResult()] }],
    (_, scenario, i) => `figures/${scenario}-${i}.svg`,
  );
  expect(text).toContain("x\\|y");
  expect(text).toContain("figures/speed-1.svg");
});

test("the markdown makes no HTML of what results say", () => {
  const evil = "<img src=x onerror=alert(1)>";
  const example = exampleResult();
  const result = {
    ...example,
    title: evil,
    paper: evil,
    notes: [evil],
    command: `run \`${evil}\n${evil}`,
    commit: evil,
    checks: [{ what: evil, detail: evil, passed: false }],
    tables: example.tables.map((table) => ({
      ...table,
      title: evil,
      note: evil,
      columns: table.columns.map(() => evil),
    })),
    figures: example.figures.map((figure) => ({ ...figure, title: evil, note: evil })),
  };
  const text = markdownReport([{ directory: evil, results: [result] }], () => "figures/a.svg");
  expect(text.replaceAll(/`[^`\n]*`/g, "")).not.toContain("<img");
  expect(text).toContain("&lt;img src=x");
});

test("two results compare as ratios, and other machines are refused", () => {
  expect(compare(exampleResult(), exampleResult("def", 2), false)[0].rows[0]).toEqual(["mixed, rmc2", 4, 2, 0.5]);
  const elsewhere = { ...exampleResult(), machine: { ...exampleResult().machine, cores: 16 } };
  expect(() => compare(exampleResult(), elsewhere, false)).toThrow(/different machines.*--across-machines/);
});
