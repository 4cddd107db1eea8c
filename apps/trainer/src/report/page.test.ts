import { expect, test } from "vitest";
import { plainUnit, secondUnit, stepAxis, valueAxis } from "./axis.js";
import { html } from "./html.js";
import { basePolicy, pageHtml, viewHtml, viewTitle } from "./page.js";
import { addEvent, emptyView, runView } from "./run-view.js";
import { style, styleSource } from "./style.js";
import { aSegment, aStart, aTest } from "./test-events.js";

const few = () => runView([aStart(), aSegment(4, "hybrid"), aSegment(8, "hot"), aTest(8), aSegment(12, "hybrid")]);

test("whatever a run says is escaped", () => {
  const page = viewHtml(runView([aStart({ model: "<script>alert(1)</script>", data: `"'&` }), aSegment(4)]), {
    kind: "failed",
    message: "<img src=x>",
  });
  expect(page).not.toMatch(/<script|<img/);
  expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  expect(html`<p title="${`"'<`}">${[1, null, false, html`<b>${"&"}</b>`]}</p>`.html).toBe(
    `<p title="&quot;&#39;&lt;">1<b>&amp;</b></p>`,
  );
});

test("a page needs nothing from anywhere, has no style attribute, and its policy names its own style", () => {
  const body = viewHtml(few(), { kind: "stopped", lastAt: "2026-01-02T03:04:05.678Z" }, ["A note."]);
  const page = pageHtml({ title: viewTitle(few(), { kind: "running" }), body, policy: basePolicy, script: null });
  expect(page).not.toMatch(/<script|style=|https?:|url\(|@import|NaN|undefined|Infinity/);
  expect(page.replaceAll("&#39;", "'")).toContain(styleSource);
  expect(page).toContain(`<style>${style}</style>`);
  expect(page).toContain("its last line is of 2026-01-02 03:04:05 UTC");
  expect(page).toContain("<title>0 % · rmc2 · fae · FAE</title>");
});

test("every figure has a title, a text that says what it shows, and its numbers", () => {
  const page = viewHtml(few(), { kind: "running" });
  for (const id of ["loss", "auc", "routes", "latency", "traffic", "memory"])
    expect(page).toMatch(
      new RegExp(`<figure id="${id}" [\\s\\S]*?<h2>[\\s\\S]*?role="img" aria-label="[^"]{20,}"[\\s\\S]*?<table>`),
    );
  expect(page).toContain("Of all batches 33.3 % ran on route hot, 66.7 % ran on route hybrid, with 2 switches.");
  expect(page).toContain('<path class="area k-hot"');
});

test("figures without numbers say why", () => {
  const bare = aSegment(4, "host", { stages: {}, toDevice: {}, toHost: {} });
  const { rssBytes: _, deviceBytes: __, schedulerRate: ___, ...older } = bare;
  const page = viewHtml(runView([older]), { kind: "running" });
  for (const text of [
    "No tests during training",
    "All batches ran on route host",
    "No bytes moved",
    "did not record its memory",
  ])
    expect(page).toContain(text);
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
  expect(viewHtml(emptyView(), { kind: "preparing" })).toContain("Opening data and engine");
});

test("on route mixed the figure shows cold rows: fetched ones below, forwarded ones above", () => {
  const mixed = (step: number) => aSegment(step, "mixed", { coldRows: 4 * 1500, forwardedRows: 4 * 250 });
  const page = viewHtml(runView([aStart({ strategy: "mixed" }), mixed(4), mixed(8)]), { kind: "running" });
  expect(page).toContain(
    "A batch fetches 1,500 distinct cold rows from the host; 250 more come from a batch just before",
  );
  expect(page).toMatch(/area k-fetched[\s\S]*area k-forwarded/);
});

test("a very long run makes no larger a page than a long one", () => {
  let view = addEvent(emptyView(), aStart({ inputsTotal: 8e8, stepsTotal: 8e6 }));
  let size = 0;
  for (let i = 1; i <= 60_000; i++) {
    const route = i % 3 === 0 ? "hybrid" : "hot";
    const wave = 1 + Math.sin(i / 50) / 9;
    view = addEvent(view, aSegment(4 * i, route, { loss: wave * (0.4 + 10 / (i + 30)), seconds: wave }));
    if (i % 7 === 0) view = addEvent(view, aTest(4 * i, 0.5 + i / 2e5));
    if (i === 512) size = viewHtml(view, { kind: "running" }).length;
  }
  const page = viewHtml(view, { kind: "running" });
  expect(page.length).toBeLessThan(1.2 * size);
  expect(page.length).toBeLessThan(200_000);
  expect(page).toContain("each point of a curve stands for at least 512 batches");
});

test("axes begin and end at round numbers around the values", () => {
  expect(valueAxis([0.452, 0.61], plainUnit, false)).toMatchObject({ least: 0.45, most: 0.65 });
  const { ticks, most } = valueAxis([0.0123], secondUnit(0.0123), true);
  expect(ticks.map(({ label }) => label)).toEqual(["0", "5", "10", "15"]);
  expect(most).toBeCloseTo(0.015, 12);
  for (const values of [[], [0], [5], [-3, 2], [1e-9, 1e12], [0.7, 0.7]]) {
    const axis = valueAxis(values, plainUnit, false);
    expect(axis.most).toBeGreaterThan(axis.least);
    for (const value of values) expect(value >= axis.least - 1e-9 && value <= axis.most + 1e-9).toBe(true);
  }
  expect(stepAxis(1342).ticks.map(({ label }) => label)).toEqual(["0", "500", "1,000"]);
  expect(stepAxis(3e6).ticks.map(({ label }) => label)).toEqual(["0", "1 M", "2 M", "3 M"]);
  expect(stepAxis(1).ticks.map(({ value }) => value)).toEqual([0, 1]);
});
