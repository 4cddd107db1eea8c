import type { Result, Table } from "../result.js";
import { cell, figureTable } from "./numbers.js";

const escapeCell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

function tableText(table: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(" | ")} |`;
  return [
    ...(table.title ? [`**${table.title}**`, ""] : []),
    line(table.columns),
    line(table.columns.map((_, i) => (i === 0 ? "---" : "---:"))),
    ...table.rows.map((row) => line(row.map(cell))),
    ...(table.note ? ["", table.note] : []),
    "",
  ].join("\n");
}

/**
 * Results as Markdown. `figurePath(scenario, index)` names the SVG file of a figure relative to the document; figures are
 * referred to, their numbers stand in tables below.
 */
export function markdownReport(
  results: readonly Result[],
  figurePath: (scenario: string, index: number) => string,
): string {
  const parts = ["# Results", ""];
  const first = results[0];
  if (first) {
    const gpu = first.machine.gpus.length > 0 ? `, ${first.machine.gpus.join(", ")}` : ", no GPU";
    parts.push(
      `Measured on ${first.machine.cpu} (${first.machine.cores} cores, ${Math.round(first.machine.memoryBytes / 2 ** 30)} GiB${gpu}), commit ${first.commit}. Medians, with minimum and maximum in brackets.`,
      "",
    );
  }
  for (const result of results) {
    parts.push(`## ${result.title}`, "");
    if (result.paper) parts.push(`*Paper:* ${result.paper}`, "");
    result.figures.forEach((figure, i) => {
      parts.push(`### ${figure.title}`, "", `![${figure.title}](${figurePath(result.scenario, i)})`, "");
      parts.push(tableText(figureTable(figure)));
      if (figure.note) parts.push(figure.note, "");
    });
    for (const table of result.tables) parts.push(tableText(table));
    for (const check of result.checks) {
      parts.push(`- ${check.passed ? "checked" : "**FAILED**"}: ${check.what} (${check.detail})`);
    }
    for (const note of result.notes) parts.push(`- ${note}`);
    parts.push("", `<sub>\`${result.command}\`, ${result.startedAt}, ${result.seconds.toFixed(0)} s</sub>`, "");
  }
  return parts.join("\n");
}
