import type { Axis } from "./axis.js";
import { type Html, html } from "./html.js";

/** A place on the step axis that one value of each layer stands for. */
export interface Column {
  readonly from: number;
  readonly to: number;
}

export type Layer =
  /** Filled between two values per column. */
  | { readonly kind: "area"; readonly key: string; readonly low: readonly number[]; readonly high: readonly number[] }
  /** A level line, one value per column; it breaks where there is none. */
  | { readonly kind: "levels"; readonly key: string; readonly values: readonly (number | null)[] }
  | {
      readonly kind: "line" | "dots";
      readonly key: string;
      readonly points: readonly (readonly [x: number, y: number])[];
    };

export interface Chart {
  /** Says in a sentence what can be seen. */
  readonly says: string;
  readonly x: Axis;
  readonly y: Axis;
  /** Of the plot, in pixels. */
  readonly height: 120 | 200;
  readonly columns: readonly Column[];
  /** The first one lies lowest. */
  readonly layers: readonly Layer[];
  /** Vertical lines. */
  readonly rules: readonly number[];
}

// The plot is stretched to the width there is, lines keep their width, and labels are placed by per cents: one drawing fits a
// phone, a desktop and paper.
const grid = 1000;

/** Draws a chart. Colours come from classes `k-<key>`; there are no style attributes, which a strict page policy forbids. */
export function chartHtml({ says, x, y, height, columns, layers, rules }: Chart): Html {
  const atX = (value: number): number => Math.round((grid * (value - x.least)) / (x.most - x.least));
  const atY = (value: number): number => Math.round((grid * (y.most - value)) / (y.most - y.least));
  const path = (layer: Layer): string => {
    if (layer.kind === "area") return areaPath(columns, layer.low, layer.high, atX, atY);
    if (layer.kind === "levels") return levelsPath(columns, layer.values, atX, atY);
    const points = layer.points.map(([px, py]) => `${atX(px)} ${atY(py)}`);
    return layer.kind === "line" ? `M${points.join("L")}` : points.map((point) => `M${point}h.01`).join("");
  };
  const label = (value: number): number => (atY(value) * height) / grid + 8;
  return html`<div class="chart h${height}" role="img" aria-label="${says}">
<svg class="y" aria-hidden="true">${y.ticks.map((tick) => html`<text x="100%" y="${label(tick.value) + 4}">${tick.label}</text>`)}</svg>
<svg class="plot" viewBox="0 0 ${grid} ${grid}" preserveAspectRatio="none" aria-hidden="true">
<path class="grid" d="${y.ticks.map((tick) => `M0 ${atY(tick.value)}H${grid}`).join("")}"/>
${layers.map((layer) => isDrawn(layer) && html`<path class="${layer.kind} k-${layer.key}" d="${path(layer)}"/>`)}
${rules.length > 0 && html`<path class="rule" d="${rules.map((rule) => `M${atX(rule)} 0V${grid}`).join("")}"/>`}
</svg>
<svg class="x" aria-hidden="true">${x.ticks.map(({ value, label }) => xLabel(atX(value) / 10, label))}<text class="of" x="50%" y="32">steps</text></svg>
</div>`;
}

const isDrawn = (layer: Layer): boolean =>
  layer.kind === "area" ? layer.high.length > 0 : layer.kind === "levels" || layer.points.length > 0;

const xLabel = (percent: number, label: string): Html =>
  html`<text x="${percent}%" y="15"${percent > 97 && html` class="end"`}>${label}</text>`;

type Place = (value: number) => number;

/** Along the tops from left to right, back along the bottoms; relative and level moves make it short. */
function areaPath(columns: readonly Column[], low: readonly number[], high: readonly number[], atX: Place, atY: Place) {
  const edges = columns.map(({ to }) => atX(to));
  const left = atX(columns[0].from);
  const across = (i: number): number => edges[i] - (i === 0 ? left : edges[i - 1]);
  let path = `M${left} ${atY(low[0])}`;
  let at = atY(low[0]);
  const to = (value: number): string => {
    const move = atY(value) - at;
    at += move;
    return move === 0 ? "" : `v${move}`;
  };
  for (let i = 0; i < columns.length; i++) path += `${to(high[i])}h${across(i)}`;
  for (let i = columns.length - 1; i >= 0; i--) path += `${to(low[i])}h${-across(i)}`;
  return `${path}z`;
}

function levelsPath(columns: readonly Column[], values: readonly (number | null)[], atX: Place, atY: Place): string {
  let path = "";
  let last: number | null = null;
  for (const [i, value] of values.entries()) {
    const { from, to } = columns[i];
    if (value !== null) path += last === null ? `M${atX(from)} ${atY(value)}` : value === last ? "" : `V${atY(value)}`;
    if (value !== null) path += `H${atX(to)}`;
    last = value;
  }
  return path;
}
