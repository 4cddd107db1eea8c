import { formatCount } from "../../cli/format.js";
import { countUnit, stepAxis, valueAxis } from "../axis.js";
import type { Figure } from "../figure.js";
import { batchesOf } from "../slice.js";
import { type Drawable, grouped, sliceTable, stacked, topOf } from "./shared.js";

/** Route mixed, where every batch has hot and cold rows: the cold ones of a batch. The others are hot. */
export function coldRowsFigure({ items, whole, start, resumedAt }: Drawable): Figure {
  const kinds = ["fetched", "forwarded"] as const;
  const layers = stacked(
    kinds,
    (kind, i) => (items[i].cold[kind as "fetched"] ?? 0) / batchesOf(items[i]),
    items.length,
  );
  const unit = countUnit(Math.max(0, ...topOf(layers)));
  const [fetched, forwarded] = kinds.map((kind) => (whole.cold[kind] ?? 0) / batchesOf(whole));
  const hotRows = start?.hotRows ?? null;
  return {
    id: "routes",
    title: "Hot and cold",
    unit: `${unit.name === "" ? "" : `${unit.name} `}distinct cold rows per batch`,
    legend: [
      { key: "fetched", label: "fetched from the host", value: formatCount(Math.round(fetched)) },
      { key: "forwarded", label: "forwarded on the device", value: formatCount(Math.round(forwarded)) },
    ],
    chart: {
      says: `A batch fetches ${grouped(fetched)} distinct cold rows from the host; ${grouped(forwarded)} more come from a batch just before it.`,
      x: stepAxis(whole.to),
      y: valueAxis(topOf(layers), unit, true),
      height: 120,
      columns: items,
      layers,
      rules: resumedAt,
    },
    note: `All batches ran on route mixed: ${hotRows === null ? "hot rows" : `${formatCount(hotRows)} hot rows`} stay on the device, cold ones come for a batch and go back.`,
    table: sliceTable(items, ["fetched per batch", "forwarded per batch"], (slice) =>
      kinds.map((kind) => grouped((slice.cold[kind] ?? 0) / batchesOf(slice))),
    ),
    isWide: true,
  };
}
