import type { Layer } from "../chart.js";
import type { Table } from "../figure.js";
import type { RunView } from "../run-view.js";
import { mergeSlices, type Slice } from "../slice.js";
import { merged } from "../thinned.js";

/** A view that has something to draw. */
export interface Drawable extends RunView {
  readonly items: readonly Slice[];
  readonly whole: Slice;
}

export const grouped = (value: number): string => Math.round(value).toLocaleString("en-US");
const stepsOf = ({ from, to }: Slice): string => `${grouped(from + 1)} – ${grouped(to)}`;

/** Values of some columns, from the first slice to the last: at most a dozen rows, slices put together. */
export function sliceTable(
  items: readonly Slice[],
  columns: readonly string[],
  row: (slice: Slice) => string[],
): Table {
  const few = merged(items, Math.ceil(items.length / 12), mergeSlices);
  return { columns: ["steps", ...columns], rows: few.map((slice) => [stepsOf(slice), ...row(slice)]) };
}

/** Layers that stand on one another: one per key, `amount` per column. */
export function stacked(
  keys: readonly string[],
  amount: (key: string, column: number) => number,
  columns: number,
): Layer[] {
  let low: number[] = new Array(columns).fill(0);
  return keys.map((key) => {
    const high = low.map((value, i) => value + amount(key, i));
    const layer: Layer = { kind: "area", key, low, high };
    low = high;
    return layer;
  });
}

/** Values that an axis must reach for these layers. */
export const topOf = (layers: readonly Layer[]): readonly number[] =>
  layers.flatMap((layer) => (layer.kind === "area" ? [Math.max(0, ...layer.high), Math.min(0, ...layer.high)] : []));
