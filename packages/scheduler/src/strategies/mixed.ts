import { defineStrategy } from "../define-strategy.js";
import { inOrder } from "../in-order.js";
import { planNumbers, splitTables } from "../placements.js";

export const mixed = defineStrategy({
  name: "mixed",
  describes:
    "Any batch in its original order: hot rows on the device, the few distinct cold rows fetched ahead from the host.",
  reads: "train",
  plan: (problem) => ({
    strategy: "mixed",
    placements: splitTables(problem, "mixed"),
    routes: ["mixed"],
    ...planNumbers(problem),
  }),
  kind: "in-order",
  machine: inOrder("mixed"),
});
