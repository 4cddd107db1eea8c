import { trafficKinds } from "@fae/core";
import { formatBytes } from "../../cli/format.js";
import { byteUnit, stepAxis, valueAxis } from "../axis.js";
import type { Layer } from "../chart.js";
import type { Figure } from "../figure.js";
import { batchesOf, total } from "../slice.js";
import { type Drawable, stacked, topOf } from "./shared.js";

/** Bytes that a batch moves: upwards to the device, downwards to the host. */
export function trafficFigure({ items, whole, resumedAt }: Drawable): Figure {
  const ways = ["toDevice", "toHost"] as const;
  const batches = batchesOf(whole);
  const usedOf = (way: "toDevice" | "toHost") => trafficKinds.filter((kind) => (whole[way][kind] ?? 0) > 0);
  const layersOf = (way: "toDevice" | "toHost", sign: 1 | -1): Layer[] =>
    stacked(
      usedOf(way),
      (kind, i) => (sign * (items[i][way][kind as "rows"] ?? 0)) / batchesOf(items[i]),
      items.length,
    );
  const layers = [...layersOf("toDevice", 1), ...layersOf("toHost", -1)];
  const unit = byteUnit(Math.max(0, ...topOf(layers).map(Math.abs)));
  const axis = valueAxis(topOf(layers), unit, true);
  const used = trafficKinds.filter((kind) => usedOf("toDevice").includes(kind) || usedOf("toHost").includes(kind));
  const [toDevice, toHost] = ways.map((way) => total(whole[way]));
  return {
    id: "traffic",
    title: "Between host and device",
    unit: `${unit.name} per batch; up: to device, down: to host`,
    legend: used.map((kind) => ({
      key: kind,
      label: kind,
      value: formatBytes(((whole.toDevice[kind] ?? 0) + (whole.toHost[kind] ?? 0)) / batches),
    })),
    chart:
      used.length === 0
        ? null
        : {
            says: `A batch moves ${formatBytes(toDevice / batches)} to the device and ${formatBytes(toHost / batches)} to the host.`,
            x: stepAxis(whole.to),
            y: { ...axis, ticks: axis.ticks.map(({ value, label }) => ({ value, label: label.replace("-", "") })) },
            height: 200,
            columns: items,
            layers,
            rules: resumedAt,
          },
    note:
      used.length === 0
        ? "No bytes moved between host and device."
        : `In all ${formatBytes(toDevice)} to the device and ${formatBytes(toHost)} to the host.`,
    table:
      used.length === 0
        ? null
        : {
            columns: ["kind", "to device", "per batch", "to host", "per batch"],
            rows: [
              ...used.map((kind) => [kind, whole.toDevice[kind] ?? 0, whole.toHost[kind] ?? 0] as const),
              ["all", toDevice, toHost] as const,
            ].map(([kind, device, host]) => [
              kind,
              ...[device, host].flatMap((bytes) => [formatBytes(bytes), formatBytes(bytes / batches)]),
            ]),
          },
    isWide: false,
  };
}
