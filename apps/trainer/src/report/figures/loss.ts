import { formatMetric } from "../../cli/format.js";
import { plainUnit, stepAxis, valueAxis } from "../axis.js";
import type { Figure } from "../figure.js";
import { type Drawable, grouped, sliceTable } from "./shared.js";

/** Loss of training, and of tests on held-out inputs. */
export function lossFigure({ items, tests, whole, resumedAt }: Drawable): Figure {
  const tested = tests.items.flatMap(({ step, logLoss }): [number, number][] =>
    logLoss === null ? [] : [[step, logLoss]],
  );
  const training = items.map((slice): [number, number] => [(slice.from + slice.to) / 2, slice.loss]);
  const hasBand = items.some(({ lossLow, lossHigh }) => lossLow < lossHigh);
  const shown = hasBand ? items.flatMap(({ lossLow, lossHigh }) => [lossLow, lossHigh]) : items.map(({ loss }) => loss);
  const latest = items[items.length - 1].loss;
  return {
    id: "loss",
    title: "Loss",
    unit: "binary cross entropy per input",
    legend: [
      { key: "loss", label: "training", value: formatMetric(latest, 4), mark: "line" },
      ...(hasBand ? [{ key: "band", label: "least and greatest of a segment" }] : []),
      ...(tested.length > 0
        ? [
            {
              key: "test",
              label: "held out",
              value: formatMetric(tested[tested.length - 1][1], 4),
              mark: "dot",
            } as const,
          ]
        : []),
    ],
    chart: {
      says: `Training loss ${formatMetric(items[0].loss, 4)} at first and ${formatMetric(latest, 4)} after ${grouped(whole.to)} steps.`,
      x: stepAxis(whole.to),
      y: valueAxis([...shown, ...tested.map(([, y]) => y)], plainUnit, false),
      height: 200,
      columns: items,
      layers: [
        ...(hasBand
          ? [
              {
                kind: "area",
                key: "band",
                low: items.map((s) => s.lossLow),
                high: items.map((s) => s.lossHigh),
              } as const,
            ]
          : []),
        { kind: "line", key: "loss", points: training },
        { kind: "dots", key: "loss", points: training.length > 1 ? [] : training },
        { kind: "line", key: "test", points: tested },
        { kind: "dots", key: "test", points: tested.length > 60 ? [] : tested },
      ],
      rules: resumedAt,
    },
    note: resumedAt.length > 0 ? `Vertical lines: resumed at step ${resumedAt.map(grouped).join(", ")}.` : "",
    table: sliceTable(items, ["loss, mean", "least", "greatest", "learning rate"], (slice) => [
      ...[slice.loss, slice.lossLow, slice.lossHigh].map((value) => formatMetric(value)),
      String(+slice.learningRate.toPrecision(4)),
    ]),
    isWide: false,
  };
}
