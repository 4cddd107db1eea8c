import { defineStrategy } from "../define-strategy.js";
import { inOrder } from "../in-order.js";
import { everyTable, planNumbers } from "../placements.js";

export const xdlParameterServer = defineStrategy({
  name: "xdl-parameter-server",
  describes:
    "Hash-sharded servers in host memory own rows and dense parameters; a worker on the device pulls and pushes them.",
  reads: "train",
  plan: (problem) => ({
    strategy: "xdl-parameter-server",
    placements: everyTable(problem, { on: "host" }),
    routes: ["server"],
    ...planNumbers(problem),
  }),
  kind: "in-order",
  machine: inOrder("server"),
});
