import type { Figure, Result, Table } from "../result.js";
import { figureSvg } from "./figure-svg.js";
import { cell, figureTable } from "./numbers.js";

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);

const style = `
:root { color-scheme: light; --line: #d8d8d8; --soft: #f5f6f8; --ink: #1c1e21; --mute: #5d6470; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 900px; padding: 24px 16px 64px; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: #fff; }
h1 { font-size: 28px; margin: 0 0 4px; } h2 { font-size: 22px; margin: 48px 0 8px; border-top: 2px solid var(--ink); padding-top: 12px; }
h3 { font-size: 17px; margin: 24px 0 4px; }
p { margin: 6px 0; } .mute { color: var(--mute); font-size: 14px; }
.paper { background: var(--soft); border-left: 4px solid #e69f00; padding: 8px 12px; margin: 12px 0; }
nav { display: flex; flex-wrap: wrap; gap: 6px 14px; margin: 16px 0; } nav a { color: #0058a3; }
figure { margin: 8px 0 4px; } figure svg { width: 100%; height: auto; display: block; } .narrow { display: none; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: 14px; margin: 8px 0; min-width: 50%; font-variant-numeric: tabular-nums; }
th, td { white-space: nowrap; padding: 4px 10px; border-bottom: 1px solid var(--line); text-align: right; } th:first-child, td:first-child { text-align: left; }
th { background: var(--soft); } ul { padding-left: 20px; font-size: 15px; } code { font-size: 13px; overflow-wrap: anywhere; }
.ok { color: #00664a; } .bad { color: #b3261e; font-weight: 700; } details { margin: 4px 0 12px; } summary { cursor: pointer; color: var(--mute); font-size: 14px; }
@media (max-width: 560px) { .wide { display: none; } .narrow { display: block; } body { padding: 16px 12px; } h1 { font-size: 24px; } }
@media print { body { max-width: none; font-size: 11pt; } h2, figure, table { break-inside: avoid; } details > * { display: block; } nav { display: none; } }
`;

function tableHtml(table: Table): string {
  const row = (tag: string, cells: readonly string[]) =>
    `<tr>${cells.map((c) => `<${tag}>${escapeHtml(c)}</${tag}>`).join("")}</tr>`;
  return [
    table.title ? `<h3>${escapeHtml(table.title)}</h3>` : "",
    `<div class="scroll"><table><thead>${row("th", table.columns)}</thead><tbody>`,
    ...table.rows.map((cells) => row("td", cells.map(cell))),
    "</tbody></table></div>",
    table.note ? `<p class="mute">${escapeHtml(table.note)}</p>` : "",
  ].join("");
}

const figureHtml = (figure: Figure): string =>
  [
    `<h3>${escapeHtml(figure.title)}</h3><figure><div class="wide">${figureSvg(figure, 860)}</div>`,
    `<div class="narrow">${figureSvg(figure, 370)}</div></figure>`,
    figure.note ? `<p class="mute">${escapeHtml(figure.note)}</p>` : "",
    `<details open><summary>The numbers</summary>${tableHtml(figureTable(figure))}</details>`,
  ].join("");

function resultHtml(result: Result): string {
  const checks = result.checks.map(
    (c) =>
      `<li class="${c.passed ? "ok" : "bad"}">${c.passed ? "Checked" : "FAILED"}: ${escapeHtml(c.what)}, ${escapeHtml(c.detail)}</li>`,
  );
  return [
    `<section id="${escapeHtml(result.scenario)}"><h2>${escapeHtml(result.title)}</h2>`,
    result.paper ? `<p class="paper"><b>Paper:</b> ${escapeHtml(result.paper)}</p>` : "",
    ...result.figures.map(figureHtml),
    ...result.tables.map(tableHtml),
    checks.length > 0 ? `<ul>${checks.join("")}</ul>` : "",
    result.notes.length > 0 ? `<ul>${result.notes.map((note) => `<li>${escapeHtml(note)}</li>`).join("")}</ul>` : "",
    `<p class="mute"><code>${escapeHtml(result.command)}</code><br>${escapeHtml(result.startedAt)}, ${result.seconds.toFixed(0)} s, commit ${escapeHtml(result.commit)}</p>`,
    "</section>",
  ].join("\n");
}

/** One self-contained page: no script, no network; readable on a phone and on paper. */
export function htmlReport(results: readonly Result[]): string {
  const machine = results[0]?.machine;
  const about = machine
    ? `${machine.cpu}, ${machine.cores} cores, ${Math.round(machine.memoryBytes / 2 ** 30)} GiB, ${machine.gpus.join(", ") || "no GPU"}, ${machine.os}`
    : "";
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>FAE: measured results</title><style>${style}</style></head><body>
<h1>FAE, measured</h1>
<p class="mute">${escapeHtml(about)}. Medians of interleaved repeats; thin lines and brackets give minimum and maximum. Dashed: published values.</p>
<nav>${results.map((r) => `<a href="#${escapeHtml(r.scenario)}">${escapeHtml(r.title)}</a>`).join("")}</nav>
${results.map(resultHtml).join("\n")}
</body></html>
`;
}
