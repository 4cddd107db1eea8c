import { type Chart, chartHtml } from "./chart.js";
import { type Html, html } from "./html.js";

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface LegendItem {
  /** Class of its colour. */
  readonly key: string;
  readonly label: string;
  /** A number worth saying: a total or the latest value. */
  readonly value?: string;
  /** Default: a filled square. */
  readonly mark?: "line" | "dot";
}

/** One part of the page: a drawing with title, unit and legend, and its numbers below. */
export interface Figure {
  readonly id: string;
  readonly title: string;
  /** What the vertical axis counts. */
  readonly unit: string;
  readonly legend: readonly LegendItem[];
  /** Null: `note` says why there is nothing to draw. */
  readonly chart: Chart | null;
  readonly note: string;
  readonly table: Table | null;
  /** Takes the whole width of a desktop. */
  readonly isWide: boolean;
}

export const figureHtml = ({ id, title, unit, legend, chart, note, table, isWide }: Figure): Html => html`
<figure id="${id}" class="panel${isWide && " wide"}">
<figcaption><h2>${title}</h2>${chart && html`<span class="unit">${unit}</span>`}</figcaption>
${chart && legend.length > 0 && html`<ul class="legend">${legend.map(legendItem)}</ul>`}
${chart && chartHtml(chart)}
${note !== "" && html`<p class="note">${note}</p>`}
${table && html`<details id="${id}-numbers"><summary>Numbers<span class="hidden"> of ${title}</span></summary>${tableHtml(table, `${title}: numbers`)}</details>`}
</figure>`;

const legendItem = ({ key, label, value, mark }: LegendItem): Html =>
  html`<li><i class="mark ${mark ?? "area"} k-${key}"></i>${label}${value !== undefined && html` <b>${value}</b>`}</li>`;

/** @param label what the table holds, for those who do not see where it stands */
export const tableHtml = (
  { columns, rows }: Table,
  label: string,
): Html => html`<div class="scroll" role="region" aria-label="${label}" tabindex="0"><table>
<thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
<tbody>${rows.map(([first, ...cells]) => html`<tr><th scope="row">${first}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
</table></div>`;
