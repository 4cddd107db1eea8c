/** Line charts and bars as SVG text. Colours are CSS variables, so that a chart follows the light or dark page around it. */

export interface Axis {
  readonly label: string;
  readonly scale: "linear" | "log";
  /** Logarithmic ticks stand at powers of this; default 10. */
  readonly base?: number;
  readonly least: number;
  readonly most: number;
  readonly format: (value: number) => string;
}

export interface Line {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Number of a colour, 0 to 7; null for a faint line that the legend leaves out. */
  readonly colour: number | null;
  /** A dot on the line. */
  readonly mark?: readonly [x: number, y: number];
}

export interface LineChart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
  /** A vertical line with a word beside it. */
  readonly rule?: { readonly x: number; readonly label: string };
  /** What a dot means; shown below the legend. */
  readonly markMeaning?: string;
}

const size = { width: 760, height: 360, left: 64, right: 190, top: 40, bottom: 52 };
const plot = { width: size.width - size.left - size.right, height: size.height - size.top - size.bottom };

export function lineChart({ title, x, y, lines, rule, markMeaning }: LineChart): string {
  const atX = (value: number) => size.left + plot.width * place(x, value);
  const atY = (value: number) => size.top + plot.height * (1 - place(y, value));
  const parts = [
    `<text class="title" x="${size.left}" y="22">${escapeXml(title)}</text>`,
    ...ticks(x).map((value) => {
      const at = atX(value).toFixed(1);
      return `<line class="grid" x1="${at}" x2="${at}" y1="${size.top}" y2="${size.top + plot.height}"/><text class="tick" text-anchor="middle" x="${at}" y="${size.top + plot.height + 18}">${escapeXml(x.format(value))}</text>`;
    }),
    ...ticks(y).map((value) => {
      const at = atY(value).toFixed(1);
      return `<line class="grid" x1="${size.left}" x2="${size.left + plot.width}" y1="${at}" y2="${at}"/><text class="tick" text-anchor="end" x="${size.left - 8}" y="${(atY(value) + 4).toFixed(1)}">${escapeXml(y.format(value))}</text>`;
    }),
    `<text class="label" text-anchor="middle" x="${size.left + plot.width / 2}" y="${size.height - 10}">${escapeXml(x.label)}</text>`,
    `<text class="label" text-anchor="middle" transform="translate(16 ${size.top + plot.height / 2}) rotate(-90)">${escapeXml(y.label)}</text>`,
  ];
  if (rule !== undefined && rule.x >= x.least && rule.x <= x.most) {
    const at = atX(rule.x);
    const isRight = at > size.left + plot.width * 0.7;
    parts.push(
      `<line class="rule" x1="${at.toFixed(1)}" x2="${at.toFixed(1)}" y1="${size.top}" y2="${size.top + plot.height}"/>`,
      `<text class="tick" text-anchor="${isRight ? "end" : "start"}" x="${(at + (isRight ? -6 : 6)).toFixed(1)}" y="${size.top + plot.height - 8}">${escapeXml(rule.label)}</text>`,
    );
  }
  for (const { points, colour, mark } of lines) {
    const path = points.map(([px, py]) => `${atX(px).toFixed(1)},${atY(py).toFixed(1)}`).join(" ");
    const style = colour === null ? 'class="line faint"' : `class="line c${colour}"`;
    parts.push(`<polyline ${style} points="${path}"/>`);
    if (mark !== undefined && colour !== null)
      parts.push(
        `<circle class="dot c${colour}" cx="${atX(mark[0]).toFixed(1)}" cy="${atY(mark[1]).toFixed(1)}" r="4"/>`,
      );
  }
  const legend = lines.filter(({ colour }) => colour !== null);
  legend.forEach(({ label, colour }, i) => {
    const at = size.top + 8 + 19 * i;
    const from = size.left + plot.width + 16;
    parts.push(
      `<line class="line c${colour}" x1="${from}" x2="${from + 20}" y1="${at}" y2="${at}"/><text class="tick" x="${from + 27}" y="${at + 4}">${escapeXml(label)}</text>`,
    );
  });
  if (markMeaning !== undefined)
    parts.push(
      `<circle class="dot" cx="${size.left + plot.width + 26}" cy="${size.top + 12 + 19 * legend.length}" r="4"/><text class="tick" x="${size.left + plot.width + 43}" y="${size.top + 16 + 19 * legend.length}">${escapeXml(markMeaning)}</text>`,
    );
  return svg(title, size.height, parts);
}

export interface BarChart {
  readonly title: string;
  /** Parts of a bar stand behind one another; their colours are their positions. */
  readonly bars: readonly { readonly label: string; readonly values: readonly number[]; readonly note: string }[];
  readonly parts: readonly string[];
}

/** Horizontal bars from 0. */
export function barChart({ title, bars, parts: names }: BarChart): string {
  const barHeight = 24;
  const most = Math.max(...bars.map(({ values }) => values.reduce((sum, value) => sum + value, 0)), 1);
  const left = 90;
  const room = size.width - left - 150;
  const parts = [`<text class="title" x="12" y="22">${escapeXml(title)}</text>`];
  names.forEach((name, i) => {
    parts.push(
      `<rect class="bar c${i}" x="${left + 150 * i}" y="36" width="14" height="12"/><text class="tick" x="${left + 150 * i + 20}" y="46">${escapeXml(name)}</text>`,
    );
  });
  bars.forEach(({ label, values, note }, b) => {
    const top = 62 + b * (barHeight + 8);
    let from = left;
    parts.push(`<text class="tick" text-anchor="end" x="${left - 8}" y="${top + 16}">${escapeXml(label)}</text>`);
    values.forEach((value, i) => {
      const width = (room * value) / most;
      parts.push(
        `<rect class="bar c${i}" x="${from.toFixed(1)}" y="${top}" width="${width.toFixed(1)}" height="${barHeight}"/>`,
      );
      from += width;
    });
    parts.push(`<text class="tick" x="${(from + 8).toFixed(1)}" y="${top + 16}">${escapeXml(note)}</text>`);
  });
  return svg(title, 62 + bars.length * (barHeight + 8) + 8, parts);
}

const svg = (title: string, height: number, parts: readonly string[]): string =>
  `<svg viewBox="0 0 ${size.width} ${height}" role="img" aria-label="${escapeXml(title)}" xmlns="http://www.w3.org/2000/svg">\n${parts.join("\n")}\n</svg>`;

/** 0 at the least value of an axis, 1 at its most; values outside stop at the ends. */
function place({ scale, least, most }: Axis, value: number): number {
  const share =
    scale === "linear"
      ? (value - least) / (most - least)
      : Math.log(Math.max(value, least) / least) / Math.log(most / least);
  return Math.min(1, Math.max(0, share));
}

function ticks({ scale, base = 10, least, most }: Axis): number[] {
  if (scale === "linear") return Array.from({ length: 6 }, (_, i) => least + ((most - least) * i) / 5);
  const first = Math.ceil(Math.log(least) / Math.log(base) - 1e-9);
  const last = Math.floor(Math.log(most) / Math.log(base) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first) / 7));
  const values: number[] = [];
  for (let exponent = first; exponent <= last; exponent += every) values.push(base ** exponent);
  return values;
}

export const escapeXml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
