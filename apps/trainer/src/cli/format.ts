/** Numbers as people read them. */
import { visible } from "./visible.js";

const scaled = (value: number, base: number, units: readonly string[]): string => {
  let size = value;
  let unit = 0;
  while (Math.abs(size) >= base && unit < units.length - 1) {
    size /= base;
    unit++;
  }
  const digits = unit === 0 && Number.isInteger(size) ? 0 : Math.abs(size) >= 100 ? 0 : Math.abs(size) >= 10 ? 1 : 2;
  return `${size.toFixed(digits)} ${units[unit]}`.trimEnd();
};

/** `1.50 MiB` */
export const formatBytes = (bytes: number): string => scaled(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]);

/** `12.3 M` */
export const formatCount = (count: number): string =>
  count < 10_000 && Number.isInteger(count) ? String(count) : scaled(count, 1000, ["", "k", "M", "G", "T"]);

/** `0.012 s`, `8.2 s`, `3 min 20 s`, `2 h 05 min` */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  if (seconds < 1) return `${seconds.toFixed(3)} s`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

/** `82.1 %` */
export const formatShare = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A metric with fixed digits; `-` when it is undefined, e.g. AUC of one class. */
export const formatMetric = (value: number | null, digits = 5): string =>
  value === null || Number.isNaN(value) ? "-" : value.toFixed(digits);

/**
 * A table for a terminal: first column left, others right aligned.
 * @param rows the first one is the head
 */
export function textTable(rows: readonly (readonly string[])[]): string {
  // Not Math.max of all rows: a file may name more tensors than a call takes arguments.
  const widths = rows[0].map((_, column) =>
    rows.reduce((most, row) => Math.max(most, visible(row[column] ?? "").length), 0),
  );
  const cell = (row: readonly string[], column: number) => visible(row[column] ?? "");
  const line = (row: readonly string[]) =>
    widths
      .map((width, column) => (column === 0 ? cell(row, 0).padEnd(width) : cell(row, column).padStart(width)))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join("\n");
}
