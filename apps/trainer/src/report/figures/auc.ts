import { formatMetric } from "../../cli/format.js";
import { plainUnit, stepAxis, valueAxis } from "../axis.js";
import type { Figure } from "../figure.js";
import { merged } from "../thinned.js";
import { type Drawable, grouped } from "./shared.js";

/** AUC of the tests during training. */
export function aucFigure({ tests, best, whole, resumedAt }: Drawable): Figure {
  const points = tests.items.flatMap(({ step, auc }): [number, number][] => (auc === null ? [] : [[step, auc]]));
  const few = merged(tests.items, Math.ceil(tests.items.length / 12), (_, later) => later);
  const isEmpty = best === null || points.length === 0;
  return {
    id: "auc",
    title: "AUC",
    unit: "on held-out inputs",
    legend: isEmpty
      ? []
      : [
          { key: "auc", label: "latest", value: formatMetric(points[points.length - 1][1]), mark: "line" },
          { key: "best", label: `best, at step ${grouped(best.step)}`, value: formatMetric(best.auc), mark: "dot" },
        ],
    chart: isEmpty
      ? null
      : {
          says: `AUC on held-out inputs: ${formatMetric(points[points.length - 1][1])} at the latest test, best ${formatMetric(best.auc)} at step ${grouped(best.step)}.`,
          x: stepAxis(whole.to),
          y: valueAxis([...points.map(([, y]) => y), best.auc], plainUnit, false),
          height: 200,
          columns: [],
          layers: [
            { kind: "line", key: "auc", points },
            { kind: "dots", key: "auc", points: points.length > 60 ? [] : points },
            { kind: "dots", key: "best", points: [[best.step, best.auc]] },
          ],
          rules: resumedAt,
        },
    note: isEmpty ? "No tests during training so far: --test-every asks for them, strategy fae has its own." : "",
    table: isEmpty
      ? null
      : {
          columns: ["step", "AUC", "log loss", "accuracy"],
          rows: few.map(({ step, auc, logLoss, accuracy }) => [
            grouped(step),
            ...[auc, logLoss, accuracy].map((value) => formatMetric(value)),
          ]),
        },
    isWide: false,
  };
}
