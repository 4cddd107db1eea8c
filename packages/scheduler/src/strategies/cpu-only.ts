import { defineStrategy } from "../define-strategy.js";
import { inOrder } from "../in-order.js";
import { everyTable, planNumbers } from "../placements.js";

export const cpuOnly = defineStrategy({
  name: "cpu-only",
  describes:
    "Tables, network and updates in host memory on host threads; stands for CPU-only training of XDL and DLRM.",
  reads: "train",
  plan: (problem) => ({
    strategy: "cpu-only",
    placements: everyTable(problem, { on: "host" }),
    routes: ["host"],
    ...planNumbers(problem),
  }),
  kind: "in-order",
  machine: inOrder("host"),
});
