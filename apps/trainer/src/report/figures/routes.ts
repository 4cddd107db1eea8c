import type { RouteName } from "@fae/core";
import { formatShare } from "../../cli/format.js";
import { stepAxis } from "../axis.js";
import type { Figure, LegendItem } from "../figure.js";
import { batchesOf, type Slice } from "../slice.js";
import { coldRowsFigure } from "./cold-rows.js";
import { type Drawable, grouped, sliceTable, stacked } from "./shared.js";

/** Hot routes lie lowest. */
const routes: readonly RouteName[] = ["hot", "device", "mixed", "hybrid", "server", "host"];
const routeWords: Readonly<Partial<Record<RouteName, string>>> = {
  hot: "hot: all on the device",
  hybrid: "hybrid: cold, rows on the host",
  mixed: "mixed: hot rows on the device, cold ones fetched",
};

/** Which routes the batches took, and the rate of the Shuffle Scheduler; on one route, what is hot and cold there. */
export function routesFigure(run: Drawable): Figure {
  const used = routes.filter((route) => (run.whole.routes[route] ?? 0) > 0);
  if (used.length > 1) return timelineFigure(run, used);
  return used[0] === "mixed" ? coldRowsFigure(run) : { ...nothing, note: `All batches ran on route ${used[0]}.` };
}

const nothing: Figure = {
  id: "routes",
  title: "Hot and cold",
  unit: "",
  legend: [],
  chart: null,
  note: "",
  table: null,
  isWide: true,
};

function timelineFigure({ items, whole, switches, resumedAt }: Drawable, used: readonly RouteName[]): Figure {
  const share = (slice: Slice, route: RouteName): number => (slice.routes[route] ?? 0) / batchesOf(slice);
  const rates = items.map(({ schedulerRate }) => schedulerRate);
  const rate = rates[rates.length - 1];
  const hasRate = rates.some((value) => value !== null);
  const ofRoute = (route: RouteName): string => formatShare(share(whole, route));
  return {
    id: "routes",
    title: "Hot and cold",
    unit: `% of batches${hasRate ? "; scheduler's rate in %" : ""}`,
    legend: [
      ...used.map((route): LegendItem => ({ key: route, label: routeWords[route] ?? route, value: ofRoute(route) })),
      ...(hasRate && rate !== null
        ? [{ key: "rate", label: "scheduler's rate", value: `${+rate.toPrecision(3)} %`, mark: "line" } as const]
        : []),
    ],
    chart: {
      says: `Of all batches ${used.map((route) => `${ofRoute(route)} ran on route ${route}`).join(", ")}, with ${grouped(switches)} switches.`,
      x: stepAxis(whole.to),
      y: { least: 0, most: 100, ticks: [0, 50, 100].map((value) => ({ value, label: String(value) })) },
      height: 120,
      columns: items,
      layers: [
        ...stacked(used, (route, i) => 100 * share(items[i], route as RouteName), items.length),
        ...(hasRate
          ? ([
              { kind: "levels", key: "halo", values: rates },
              { kind: "levels", key: "rate", values: rates },
            ] as const)
          : []),
      ],
      rules: resumedAt,
    },
    note: `${grouped(switches)} ${switches === 1 ? "switch" : "switches"} between routes.${hasRate ? " The rate is the part of each class that runs before the other has its turn: a worse test halves it, four better ones double it." : ""}`,
    table: sliceTable(
      items,
      [...used.map((route) => `${route}, batches`), ...(hasRate ? ["scheduler's rate"] : [])],
      (slice) => [
        ...used.map((route) => grouped(slice.routes[route] ?? 0)),
        ...(hasRate ? [slice.schedulerRate === null ? "–" : `${+slice.schedulerRate.toPrecision(3)} %`] : []),
      ],
    ),
    isWide: true,
  };
}
