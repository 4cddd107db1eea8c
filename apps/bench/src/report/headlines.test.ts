import { expect, test } from "vitest";
import { exampleResult } from "../../test/example-result.js";
import { type Headline, type Result, result } from "../result.js";
import { headlineTable, meanHeadline } from "./headlines.js";
import { htmlReport } from "./html.js";
import { markdownReport } from "./markdown.js";
import { arithmeticMean, exactly, geometricMean } from "./series.js";

const speed: Headline = {
  what: "fae over <hybrid>",
  unit: "×",
  paper: 1.8,
  ours: { median: 2.1234, min: 2, max: 2.5678, n: 5 },
  detail: "RMC1 1, RMC2 4.51",
};
const mixed: Headline = { what: "mixed", unit: "points", paper: null, ours: exactly(9), detail: "" };
const missing: Headline = { what: "over | the CPU", unit: "×", paper: 2.3, ours: null, detail: "not measured" };

const withHeadlines = (headlines: readonly Headline[], more: Partial<Result> = {}): Result => ({
  ...exampleResult(),
  options: { size: "full" },
  headlines: [...headlines],
  ...more,
});
const page = (...folders: readonly (readonly Result[])[]) => folders.map((results) => ({ directory: "here", results }));

test("results of earlier versions have no headlines and add no line", () => {
  const { headlines: _, ...earlier } = exampleResult();
  expect(result.parse(earlier).headlines).toEqual([]);
  expect(headlineTable([exampleResult()])).toBeNull();
  expect(htmlReport(page([exampleResult()]))).not.toContain("Beside the paper");
  expect(markdownReport(page([exampleResult()]), () => "")).not.toContain("Beside the paper");
  const both = headlineTable([exampleResult(), withHeadlines([speed])]);
  expect(both?.groups.map(({ headlines }) => headlines)).toEqual([[speed]]);
});

test("the page begins with the paper's numbers beside ours, one table per folder", () => {
  const other = withHeadlines([missing], { machine: { ...exampleResult().machine, gpus: ["GPU"] } });
  const html = htmlReport(page([withHeadlines([speed, mixed])], [exampleResult()], [other]));
  const tables = html.match(/<table class="headlines">[\s\S]*?<\/table>/g) ?? [];
  expect(tables).toHaveLength(2);
  expect(html.indexOf(tables[1])).toBeLessThan(html.indexOf("<nav>"));
  expect(tables[0]).toContain('<a href="#1-speed">Speed &lt;of&gt; training</a>');
  expect(tables[0]).toContain("fae over &lt;hybrid&gt;");
  expect(tables[0]).toContain(`<td>1.8\u00a0×</td><td><b>2.12\u00a0×</b> <span class="range">(2 – 2.57)</span></td>`);
  expect(tables[0]).toContain("<td>–</td><td><b>9</b></td>");
  expect(tables[1]).toContain("<td>2.3\u00a0×</td><td><b>–</b></td>");
});

test("the Markdown begins with them too", () => {
  const text = markdownReport(page([withHeadlines([speed, mixed, missing])]), () => "figure.svg");
  expect(text.indexOf("## Beside the paper")).toBeLessThan(text.indexOf("## Speed"));
  expect(text).toContain("| **Speed &lt;of> training** |  |  |");
  expect(text).toContain("| fae over &lt;hybrid>; RMC1 1, RMC2 4.51 | 1.8\u00a0× | 2.12\u00a0× (2 – 2.57) |");
  expect(text).toContain("| mixed, points | – | 9 |");
  expect(text).toContain("| over \\| the CPU; not measured | 2.3\u00a0× | – |");
});

test("small sizes and simulated devices are told", () => {
  const gpu = { machine: { ...exampleResult().machine, gpus: ["GPU"] } };
  const notes = (...results: Result[]) => headlineTable(results)?.notes.join(" ") ?? "";
  expect(notes(withHeadlines([speed], gpu))).toBe("");
  expect(notes(withHeadlines([speed]))).toMatch(/^Without a GPU/);
  const quick = withHeadlines([speed], { ...gpu, options: { size: "quick" }, title: "Quick one" });
  expect(notes(quick)).toMatch(/^Sizes of `--quick`\./);
  expect(notes(quick, withHeadlines([speed], gpu))).toMatch(/^Sizes of `--quick`: Quick one\./);
});

test("a mean over workloads has the mean of their bounds, and names each", () => {
  const about = { what: "fae", unit: "times", paper: null };
  const workloads = [
    { name: "RMC1", found: { median: 2, min: 1, max: 4, n: 5 } },
    { name: "RMC2", found: { median: 8, min: 4, max: 9, n: 3 } },
    { name: "RMC3", found: null },
  ];
  const [mean] = meanHeadline(about, workloads, geometricMean);
  expect(mean).toMatchObject({ ours: { min: 2, max: 6, n: 3 }, detail: "RMC1\u00a02, RMC2\u00a08" });
  expect(mean.ours?.median).toBeCloseTo(4, 12);
  expect(meanHeadline(about, workloads, arithmeticMean)[0].ours?.median).toBe(5);
});

test("a headline of the paper stands even where nothing was measured", () => {
  const none = [{ name: "RMC1", found: null }];
  expect(meanHeadline({ what: "fae", unit: "times", paper: 2.3 }, none, geometricMean)).toMatchObject([{ ours: null }]);
  expect(meanHeadline({ what: "mixed", unit: "times", paper: null }, none, geometricMean)).toEqual([]);
});
