import { compile } from "../compile.js";
import type { Engine, Job } from "../engine.js";
import { FaeError } from "../errors.js";
import { planProblems } from "../residency.js";
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
  refuses: (job) => refusals(job),
  open: (job) => openRouteSession(referenceParts, job),
});

function refusals({ program, plan, rowType, matmul }: Parameters<Engine["refuses"]>[0]): string[] {
  const reasons = planProblems(program, plan);
  if (plan.devices > 1) reasons.push(`It has one device, the plan uses ${plan.devices}.`);
  if (rowType !== undefined && rowType !== "float32") reasons.push(`It has no ${rowType} rows.`);
  if (matmul !== undefined && matmul !== "float32") reasons.push(`It has no ${matmul} arithmetic.`);
  try {
    compile(program);
  } catch (error) {
    if (!(error instanceof FaeError)) throw error;
    reasons.push(error.message);
  }
  return reasons;
}
