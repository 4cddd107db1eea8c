import { compile, type Engine, FaeError, type Machine, planProblems } from "@fae/core";
import { failureOf } from "../native/failure.js";
import { loadNative } from "../native/load.js";
import { openNativeSession } from "../native/session.js";

/**
 * The native CPU engine: float32 on all host threads, every route. Its device is a separate arena in host memory. Results
 * are equal to the bit for every thread count and every synchronous route.
 * @throws FaeError ERR_NATIVE_MISSING when neither a platform package nor a local build is there.
 */
export function cpuEngine(): Engine {
  const binding = loadNative("cpu");
  return {
    name: "cpu",
    machine() {
      try {
        return JSON.parse(binding.machine()) as Machine;
      } catch (error) {
        throw failureOf(error);
      }
    },
    refuses: refusals,
    open: (job) => openNativeSession(binding, job),
  };
}

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
