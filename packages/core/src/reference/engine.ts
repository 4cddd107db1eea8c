import type { Engine, Job } from "../engine.js";
import { plainRefusals } from "../refusals.js";
import { openRouteSession, type RouteEngine, type RouteSession } from "../routes/session.js";
import { referenceNetwork } from "./network.js";

/** The reference engine; its sessions can be read in float64. */
export interface ReferenceEngine extends Engine {
  open(job: Job): Promise<RouteSession>;
}

/** The reference engine as the routes see it. */
export const referenceParts: RouteEngine = {
  name: "reference",
  numbers: Float64Array,
  network: async (compiled, options) => referenceNetwork(compiled, options),
};

/**
 * The engine that defines correctness: float64, one thread, plain loops. Its device is a second arena in host memory; copies
 * to and from it are really made, and counted as 4 bytes per value, as float32 engines would move.
 */
export const referenceEngine = (): ReferenceEngine => ({
  name: referenceParts.name,
  machine: () => ({
    engine: referenceParts.name,
    description: "JavaScript, float64, 1 thread",
    threads: 1,
    devices: [],
    facts: { device: "a separate arena in host memory" },
  }),
  refuses: plainRefusals,
  open: (job) => openRouteSession(referenceParts, job),
});
