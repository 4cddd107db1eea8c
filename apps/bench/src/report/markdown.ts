import type { Check, Result, Table } from "../result.js";
import type { ResultFolder } from "../result-file.js";
import { baselineNotes } from "./baselines.js";
import { headlineTable, headlineText } from "./headlines.js";
import { machineText } from "./machine-text.js";
import { cell, figureTable } from "./numbers.js";

/** Text of a result in Markdown, where it may not become HTML: result files come from other machines. */
const plain = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
/** The same between backticks, where nothing is HTML. */
const code = (text: string): string => text.replaceAll(/[`\n]/g, " ");
const escapeCell = (text: string): string => plain(text).replaceAll("|", "\\|").replaceAll("\n", " ");

function tableText(table: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(" | ")} |`;
  return [
    ...(table.title ? [`**${plain(table.title)}**`, ""] : []),
    line(table.columns),
    line(table.columns.map((_, i) => (i === 0 ? "---" : "---:"))),
    ...table.rows.map((row) => line(row.map(cell))),
    ...(table.note ? ["", plain(table.note)] : []),
    "",
  ].join("\n");
}

function checkLines(checks: readonly Check[]): string[] {
  if (checks.length === 0) return [];
  const failed = checks.filter(({ passed }) => !passed);
  return [
    ...failed.map(({ what, detail }) => `- **FAILED**: ${plain(`${what} (${detail})`)}`),
    `<details><summary>${checks.length - failed.length} of ${checks.length} checks passed</summary>`,
    "",
    ...checks.map(({ what, detail, passed }) => `- ${passed ? "" : "**FAILED** "}${plain(`${what}: ${detail}`)}`),
    "",
    "</details>",
  ];
}

/** Names the SVG file of a figure relative to the document. */
export type FigurePath = (folder: number, scenario: string, index: number) => string;

function resultLines(result: Result, figurePath: (index: number) => string): string[] {
  const lines = [`## ${plain(result.title)}`, ""];
  if (result.paper) lines.push(`*Paper:* ${plain(result.paper)}`, "");
  result.figures.forEach((figure, i) => {
    lines.push(`### ${plain(figure.title)}`, "", `![${plain(figure.title)}](${figurePath(i)})`, "");
    lines.push(tableText(figureTable(figure)));
    if (figure.note) lines.push(plain(figure.note), "");
  });
  lines.push(...result.tables.map(tableText));
  lines.push(...result.notes.map((note) => `- ${plain(note)}`), "", ...checkLines(result.checks));
  lines.push(
    "",
    `<sub>\`${code(result.command)}\`, ${plain(result.startedAt)}, ${result.seconds.toFixed(0)} s, commit ${plain(result.commit)}</sub>`,
    "",
  );
  return lines;
}

/** The paper's numbers beside ours: one table per folder of results, before anything else. */
function headlineLines(folders: readonly ResultFolder[]): string[] {
  const lines = folders.flatMap(({ results }) => {
    const table = headlineTable(results);
    if (table === null) return [];
    const rows = table.groups.flatMap(({ title, headlines }) => [
      [`**${title}**`, "", ""],
      ...headlines.map((headline) => {
        const { what, unit, paper, ours, range, detail } = headlineText(headline);
        const about = [[what, unit].filter(Boolean).join(", "), detail].filter(Boolean).join("; ");
        return [about, paper, range ? `${ours} ${range}` : ours];
      }),
    ]);
    const drawn = tableText({ title: "", columns: ["", "paper", "here"], rows, note: "" });
    return [`**${plain(machineText(results))}**`, "", drawn, ...table.notes.flatMap((note) => [plain(note), ""])];
  });
  return lines.length === 0 ? [] : ["## Beside the paper", "", ...lines];
}

/** Results as Markdown, one part per folder; figures are referred to, their numbers stand in tables below. */
export function markdownReport(folders: readonly ResultFolder[], figurePath: FigurePath): string {
  const lines = [
    "# Results",
    "",
    "Medians of interleaved repeats, with minimum and maximum in brackets. Dashed in figures: published values.",
    "",
  ];
  lines.push(...headlineLines(folders));
  folders.forEach(({ results }, folder) => {
    lines.push(`**Machine: ${plain(machineText(results))}**`, "");
    for (const result of results) lines.push(...resultLines(result, (i) => figurePath(folder, result.scenario, i)));
  });
  lines.push("## About the systems compared", "", ...baselineNotes.map((note) => `- ${note}`), "");
  return lines.join("\n");
}
