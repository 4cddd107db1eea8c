import { type Engine, type Job, jobProblems, type Machine } from "@fae/core";
import type { NativeBinding } from "../native/binding.js";
import { failureOf } from "../native/failure.js";
import { loadNative } from "../native/load.js";
import { openNativeSession } from "../native/session.js";

/** Widest rows that the row kernels take. */
const mostColumns = 512;

/**
 * The CUDA engine: one NVIDIA GPU, every route but `host`. A step is one CUDA graph; rows are updated in a fixed order, so runs
 * repeat bit by bit and `hot`, `device` and `mixed` agree bit by bit, unless `deterministic: false` asks for atomics.
 * `matmul` defaults to float32; "tf32" uses tensor cores. Loading works without a GPU: `machine()` then says why there is none.
 * @throws FaeError ERR_NATIVE_MISSING when neither a platform package nor a local build is there.
 */
export function cudaEngine(): Engine {
  const binding = loadNative("cuda");
  return {
    name: "cuda",
    machine: () => machineOf(binding),
    refuses: (job) => jobProblems(job, refusals),
    open: (job) => openNativeSession(binding, job),
  };
}

function machineOf(binding: NativeBinding): Machine {
  try {
    return JSON.parse(binding.machine()) as Machine;
  } catch (error) {
    throw failureOf(error);
  }
}

function refusals({ program, plan }: Pick<Job, "program" | "plan">): string[] {
  const reasons: string[] = [];
  if (plan.devices > 1) reasons.push(`It runs on one GPU, the plan uses ${plan.devices}.`);
  if (plan.routes.includes("host")) reasons.push("It has no host route; the cpu engine has.");
  if (program.width > mostColumns) reasons.push(`Its rows have at most ${mostColumns} columns, not ${program.width}.`);
  for (const { name, shape } of program.params)
    if (shape.length === 0 || shape.length > 2)
      reasons.push(`Parameter '${name}' has ${shape.length} axes, it takes 1 or 2.`);
  return reasons;
}
