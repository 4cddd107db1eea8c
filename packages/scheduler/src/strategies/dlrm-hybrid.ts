import { defineStrategy } from "../define-strategy.js";
import { inOrder } from "../in-order.js";
import { everyTable, planNumbers } from "../placements.js";

export const dlrmHybrid = defineStrategy({
  name: "dlrm-hybrid",
  describes: "Tables in host memory, network on the device, pooled rows and their gradients copied for every batch.",
  reads: "train",
  plan: (problem) => ({
    strategy: "dlrm-hybrid",
    placements: everyTable(problem, { on: "host" }),
    routes: ["hybrid"],
    ...planNumbers(problem),
  }),
  kind: "in-order",
  machine: inOrder("hybrid"),
});
