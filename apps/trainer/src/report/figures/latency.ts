import { stages } from "@fae/core";
import { formatSeconds, formatShare } from "../../cli/format.js";
import { secondUnit, stepAxis, valueAxis } from "../axis.js";
import type { Figure, LegendItem } from "../figure.js";
import { batchesOf, total } from "../slice.js";
import { type Drawable, stacked, topOf } from "./shared.js";

/** Seconds per stage of a batch, beside its wall time. */
export function latencyFigure({ items, whole, resumedAt }: Drawable): Figure {
  // What could not be seen is in the table only.
  const measured = stages.filter((stage) => (whole.stages[stage] ?? 0) > 0);
  const used = measured.filter((stage) => (whole.stages[stage] ?? 0) >= 5e-4 * whole.seconds);
  const batches = batchesOf(whole);
  const layers = stacked(
    used,
    (stage, i) => (items[i].stages[stage as "read"] ?? 0) / batchesOf(items[i]),
    items.length,
  );
  const wall = items.map((slice) => slice.seconds / batchesOf(slice));
  const unit = secondUnit(Math.max(...wall, ...topOf(layers)));
  return {
    id: "latency",
    title: "Where the time goes",
    unit: `${unit.name} per batch`,
    legend: [
      ...used.map(
        (stage): LegendItem => ({
          key: stage,
          label: stage,
          value: formatShare((whole.stages[stage] ?? 0) / whole.seconds),
        }),
      ),
      { key: "wall", label: "wall", value: perBatch(whole.seconds / batches), mark: "line" },
    ],
    chart: {
      says: `A batch takes ${perBatch(whole.seconds / batches)}: ${used.map((stage) => `${stage} ${perBatch((whole.stages[stage] ?? 0) / batches)}`).join(", ")}.`,
      x: stepAxis(whole.to),
      y: valueAxis([...wall, ...topOf(layers)], unit, true),
      height: 200,
      columns: items,
      layers: [...layers, { kind: "levels", key: "wall", values: wall }],
      rules: resumedAt,
    },
    note:
      total(whole.stages) > 1.01 * whole.seconds
        ? "Stages overlap, so that together they are more than the wall time."
        : "",
    table: {
      columns: ["stage", "seconds", "of training", "per batch"],
      rows: [
        ...measured.map((stage) => [stage, whole.stages[stage] ?? 0] as const),
        ["wall", whole.seconds] as const,
      ].map(([stage, seconds]) => [
        stage,
        formatSeconds(seconds),
        formatShare(seconds / whole.seconds),
        perBatch(seconds / batches),
      ]),
    },
    isWide: false,
  };
}

function perBatch(seconds: number): string {
  const { divisor, name } = secondUnit(seconds);
  return `${(seconds / divisor).toPrecision(3)} ${name}`;
}
