import { formatBytes } from "../../cli/format.js";
import { byteUnit, stepAxis, valueAxis } from "../axis.js";
import type { Figure } from "../figure.js";
import { type Drawable, sliceTable } from "./shared.js";

/** Memory of the process and of the device. */
export function memoryFigure({ items, whole, resumedAt }: Drawable): Figure {
  const rss = items.map(({ rssBytes }) => rssBytes);
  const device = items.map(({ deviceBytes }) => deviceBytes);
  const values = [...rss, ...device].filter((value) => value !== null);
  const unit = byteUnit(Math.max(0, ...values));
  const amount = (bytes: number | null | undefined): string => (bytes == null ? "–" : formatBytes(bytes));
  const [rssNow, deviceNow] = [rss[rss.length - 1], device[device.length - 1]];
  return {
    id: "memory",
    title: "Memory",
    unit: unit.name,
    legend: [
      { key: "rss", label: "process", value: amount(rssNow), mark: "line" },
      { key: "deviceBytes", label: "device", value: amount(deviceNow), mark: "line" },
    ],
    chart:
      values.length === 0
        ? null
        : {
            says: `The process holds ${amount(rssNow)} of memory, the device ${amount(deviceNow)}.`,
            x: stepAxis(whole.to),
            y: valueAxis(values, unit, true),
            height: 200,
            columns: items,
            layers: [
              { kind: "levels", key: "rss", values: rss },
              { kind: "levels", key: "deviceBytes", values: device },
            ],
            rules: resumedAt,
          },
    note:
      values.length === 0
        ? "This run did not record its memory."
        : `Resident memory of the process, at most ${amount(whole.rssBytes)}, and what the engine holds on the device.`,
    table:
      values.length === 0
        ? null
        : sliceTable(items, ["process", "device"], (slice) => [amount(slice.rssBytes), amount(slice.deviceBytes)]),
    isWide: false,
  };
}
