import type { Figure } from "../figure.js";
import type { RunView } from "../run-view.js";
import { aucFigure } from "./auc.js";
import { latencyFigure } from "./latency.js";
import { lossFigure } from "./loss.js";
import { memoryFigure } from "./memory.js";
import { routesFigure } from "./routes.js";
import type { Drawable } from "./shared.js";
import { trafficFigure } from "./traffic.js";

/** All figures of a run, in the order of the page; none before its first segment. */
export function figuresOf(view: RunView): Figure[] {
  if (view.whole === null) return [];
  const drawable: Drawable = { ...view, items: view.slices.items, whole: view.whole };
  return [lossFigure, aucFigure, routesFigure, latencyFigure, trafficFigure, memoryFigure].map((draw) =>
    draw(drawable),
  );
}
