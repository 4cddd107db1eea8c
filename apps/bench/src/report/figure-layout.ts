import type { Figure } from "../result.js";

/** Where the parts of a figure go, in pixels. Text is measured as 7 pixels a character: close enough at 12 pixels. */
export interface FigureLayout {
  readonly fontSize: number;
  readonly height: number;
  readonly legendHeight: number;
  /** Labels of the categories, with line breaks; turned when they do not fit even so. */
  readonly labels: readonly string[];
  readonly isTurned: boolean;
  /** Height of the axis labels. */
  readonly labelHeight: number;
  /** Space below the plot. */
  readonly bottom: number;
}

const lineHeight = 15;
/** Between the items of a legend, across and down. */
export const legendItemGap = 26;

export function figureLayout(figure: Figure, width: number): FigureLayout {
  const isNarrow = width < 500;
  const fontSize = isNarrow ? 11 : 12;
  const character = 0.56 * fontSize + 0.4;
  const isCurve = figure.kind === "curve";
  const legendHeight = rowsOfLegend(figure, width, character) * (14 + legendItemGap) - legendItemGap + 6;
  const slot = (width - 70) / Math.max(1, figure.x.length);
  const labels = isCurve ? [] : figure.x.map((x) => broken(String(x), Math.floor(slot / character)));
  const isTurned = labels.some((label) => label.split("\n").some((line) => line.length * character > slot));
  const longest = Math.max(1, ...figure.x.map((x) => String(x).length));
  const lines = Math.max(1, ...labels.map((label) => label.split("\n").length));
  const labelHeight = isTurned ? Math.ceil(longest * character * Math.sin(Math.PI / 4)) + 16 : lines * lineHeight + 6;
  const bottom = labelHeight + (figure.xTitle ? 22 : 4) + legendHeight + 6;
  return {
    fontSize,
    height: (isNarrow ? 210 : 270) + bottom,
    legendHeight,
    labels: isTurned ? figure.x.map(String) : labels,
    isTurned,
    labelHeight,
    bottom,
  };
}

/** Breaks a text at spaces and behind hyphens so that lines have at most so many characters, where it can. */
export function broken(text: string, most: number): string {
  const words = text.match(/[^\s-]+-?|-/g) ?? [text];
  const lines: string[] = [];
  for (const word of words) {
    const last = lines[lines.length - 1];
    const glue = last?.endsWith("-") ? "" : " ";
    if (last !== undefined && last.length + glue.length + word.length <= most)
      lines[lines.length - 1] = last + glue + word;
    else lines.push(word);
  }
  return lines.join("\n");
}

function rowsOfLegend({ series }: Figure, width: number, character: number): number {
  let rows = 1;
  let at = 0;
  for (const { name } of series) {
    const item = name.length * character + 26 + legendItemGap;
    if (at > 0 && at + item > width - 20) {
      rows++;
      at = 0;
    }
    at += item;
  }
  return rows;
}
