import { defineStrategy } from "../define-strategy.js";
import { inOrder } from "../in-order.js";
import { everyTable, planNumbers } from "../placements.js";

export const deviceOnly = defineStrategy({
  name: "device-only",
  describes: "All tables in device memory: the ceiling, where they fit.",
  reads: "train",
  plan: (problem) => ({
    strategy: "device-only",
    placements: everyTable(problem, { on: "device" }),
    routes: ["device"],
    ...planNumbers(problem),
  }),
  kind: "in-order",
  machine: inOrder("device"),
});
