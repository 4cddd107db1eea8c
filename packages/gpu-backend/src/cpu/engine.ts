import { type Engine, type Machine, plainRefusals } from "@fae/core";
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
    refuses: plainRefusals,
    open: (job) => openNativeSession(binding, job),
  };
}
