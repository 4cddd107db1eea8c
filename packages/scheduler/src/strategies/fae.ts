import { defineStrategy } from "../define-strategy.js";
import { planNumbers, splitTables } from "../placements.js";
import { shuffleScheduler } from "../shuffle-scheduler.js";

export const fae = defineStrategy({
  name: "fae",
  describes:
    "Purely hot batches wholly on the device, purely cold ones hybrid, taking turns under the Shuffle Scheduler.",
  reads: "hot-and-cold",
  plan: (problem) => ({
    strategy: "fae",
    placements: splitTables(problem, "fae"),
    routes: ["hot", "hybrid"],
    ...planNumbers(problem),
  }),
  kind: "shuffle",
  machine: shuffleScheduler,
});
