import type { Check, Figure, Headline, Result, Table } from "../result.js";
import type { ResultFolder } from "../result-file.js";
import { baselineNotes } from "./baselines.js";
import { figureSvg } from "./figure-svg.js";
import { headlineTable, headlineText } from "./headlines.js";
import { machineText } from "./machine-text.js";
import { cell, figureTable } from "./numbers.js";
import { style } from "./style.js";

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);

/** Escaped, with `code` between backticks. */
const prose = (text: string): string => escapeHtml(text).replace(/`([^`]*)`/g, "<code>$1</code>");

function tableHtml(table: Table): string {
  const row = (tag: string, cells: readonly string[]) =>
    `<tr>${cells.map((c) => `<${tag}>${escapeHtml(c)}</${tag}>`).join("")}</tr>`;
  return [
    table.title ? `<h4>${escapeHtml(table.title)}</h4>` : "",
    `<div class="scroll"><table><thead>${row("th", table.columns)}</thead><tbody>`,
    ...table.rows.map((cells) => row("td", cells.map(cell))),
    "</tbody></table></div>",
    table.note ? `<p class="mute">${prose(table.note)}</p>` : "",
  ].join("");
}

const figureHtml = (figure: Figure): string =>
  [
    `<h4>${escapeHtml(figure.title)}</h4><figure><div class="wide">${figureSvg(figure, 860)}</div>`,
    `<div class="narrow">${figureSvg(figure, 370)}</div></figure>`,
    figure.note ? `<p class="mute">${prose(figure.note)}</p>` : "",
    `<details open><summary>The numbers</summary>${tableHtml(figureTable(figure))}</details>`,
  ].join("");

function checksHtml(checks: readonly Check[]): string {
  if (checks.length === 0) return "";
  const item = (c: Check) =>
    `<li class="${c.passed ? "ok" : "bad"}">${c.passed ? "" : "FAILED: "}${escapeHtml(c.what)}: ${escapeHtml(c.detail)}</li>`;
  const failed = checks.filter(({ passed }) => !passed);
  const count = `${checks.length - failed.length} of ${checks.length} checks passed`;
  return `${failed.length > 0 ? `<ul>${failed.map(item).join("")}</ul>` : ""}<details><summary>${count}</summary><ul>${checks.map(item).join("")}</ul></details>`;
}

function resultHtml(result: Result, id: string): string {
  return [
    `<section id="${escapeHtml(id)}"><h3>${escapeHtml(result.title)}</h3>`,
    result.paper ? `<p class="paper"><b>Paper:</b> ${prose(result.paper)}</p>` : "",
    ...result.figures.map(figureHtml),
    ...result.tables.map(tableHtml),
    result.notes.length > 0 ? `<ul>${result.notes.map((note) => `<li>${prose(note)}</li>`).join("")}</ul>` : "",
    checksHtml(result.checks),
    `<p class="mute"><code>${escapeHtml(result.command)}</code><br>${escapeHtml(result.startedAt)}, ${result.seconds.toFixed(0)} s, commit ${escapeHtml(result.commit)}</p>`,
    "</section>",
  ].join("\n");
}

function headlineRow(headline: Headline): string {
  const { what, unit, paper, ours, range, detail } = headlineText(headline);
  const about = unit ? `${escapeHtml(what)}, <span class="mute">${escapeHtml(unit)}</span>` : escapeHtml(what);
  const spread = range ? ` <span class="range">${range}</span>` : "";
  return [
    `<tr${detail ? ' class="more"' : ""}><td>${about}</td><td>${escapeHtml(paper)}</td>`,
    `<td><b>${escapeHtml(ours)}</b>${spread}</td></tr>`,
    detail ? `<tr class="detail"><td colspan="3">${escapeHtml(detail)}</td></tr>` : "",
  ].join("");
}

/** The paper's numbers beside ours: one table per folder of results, before anything else. */
function headlinesHtml(
  folders: readonly ResultFolder[],
  id: (folder: number, of: { scenario: string }) => string,
): string {
  const tables = folders.flatMap(({ results }, folder) => {
    const table = headlineTable(results);
    if (table === null) return [];
    const groups = table.groups.map(
      (group) =>
        `<tbody><tr class="group"><th colspan="3"><a href="#${escapeHtml(id(folder, group))}">${escapeHtml(group.title)}</a></th></tr>${group.headlines.map(headlineRow).join("")}</tbody>`,
    );
    return [
      `<h4>${escapeHtml(machineText(results))}</h4>`,
      `<table class="headlines"><thead><tr><th></th><th>paper</th><th>here</th></tr></thead>${groups.join("\n")}</table>`,
      ...table.notes.map((note) => `<p class="mute">${prose(note)}</p>`),
    ];
  });
  return tables.length === 0 ? "" : `<section><h2>Beside the paper</h2>${tables.join("\n")}</section>`;
}

/** One self-contained page: no script, no network; readable on a phone and on paper. One chapter per folder of results. */
export function htmlReport(folders: readonly ResultFolder[]): string {
  const id = (folder: number, { scenario }: { scenario: string }) =>
    folders.length > 1 ? `${folder + 1}-${scenario}` : scenario;
  const chapters = folders.map(({ results }, folder) =>
    [
      `<h2>${escapeHtml(machineText(results))}</h2>`,
      `<nav>${results.map((r) => `<a href="#${escapeHtml(id(folder, r))}">${escapeHtml(r.title)}</a>`).join("")}</nav>`,
      ...results.map((r) => resultHtml(r, id(folder, r))),
    ].join("\n"),
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>FAE: measured results</title><style>${style}</style></head><body>
<h1>FAE, measured</h1>
<p class="mute">Medians of interleaved repeats; thin lines and brackets give minimum and maximum. Dashed: published values.</p>
${headlinesHtml(folders, id)}
${chapters.join("\n")}
<section><h2>About the systems compared</h2><ul>${baselineNotes.map((note) => `<li>${prose(note)}</li>`).join("")}</ul></section>
</body></html>
`;
}
