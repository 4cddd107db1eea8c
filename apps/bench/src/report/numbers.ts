import type { Figure, Table } from "../result.js";

/** A cell as text: integers with thousands separators, others with four significant digits. */
export function cell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value;
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  return size !== 0 && (size < 1e-4 || size >= 1e9) ? value.toExponential(3) : String(+value.toPrecision(4));
}

/** A bound, or a number among words: one digit less than `cell` gives. */
export const brief = (value: number): string =>
  Number.isInteger(value) || Math.abs(value) >= 1000 || Math.abs(value) < 1e-4
    ? cell(value)
    : String(+value.toPrecision(3));

/** The numbers of a figure as a table: one row per category or x value, spread in brackets. */
export function figureTable(figure: Figure): Table {
  return {
    title: "",
    columns: [figure.xTitle, ...figure.series.map((s) => s.name)],
    rows: figure.x.map((x, i) => [
      typeof x === "number" ? cell(x) : x,
      ...figure.series.map((s) => {
        const [value, low, high] = [s.values[i], s.low?.[i], s.high?.[i]];
        if (value === null || value === undefined) return null;
        return low == null || high == null || low === high ? value : `${cell(value)} (${brief(low)} – ${brief(high)})`;
      }),
    ]),
    note: "",
  };
}
