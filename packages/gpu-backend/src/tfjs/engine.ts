import { type Engine, type Job, openRouteSession, planProblems } from "@fae/core";
import { loadBackend } from "./backend.js";
import { tfNetwork } from "./network.js";

/**
 * The dense part on TensorFlow.js, tables and their updates in our memory: any tfjs backend runs any program on any route.
 * @param backend node-gpu, node, webgpu, wasm or cpu; absent: the first that works, in this order
 * @throws EngineUnavailableError with the reason and the repair
 */
export async function tfjsEngine(backend?: string): Promise<Engine> {
  const { tf, name, description } = await loadBackend(backend);
  return {
    name: `tfjs:${name}`,
    machine: () => ({ engine: `tfjs:${name}`, description, threads: 1, devices: [], facts: { tfjs: description } }),
    refuses({ program, plan, rowType, matmul }) {
      const reasons = planProblems(program, plan);
      if (plan.devices > 1) reasons.push(`It has one device, the plan uses ${plan.devices}.`);
      if (rowType !== undefined && rowType !== "float32") reasons.push(`It has no ${rowType} rows.`);
      if (matmul !== undefined && matmul !== "float32") reasons.push(`It has no ${matmul} arithmetic.`);
      return reasons;
    },
    open: async (job: Job) => {
      await tf.setBackend(name === "node" || name === "node-gpu" ? "tensorflow" : name);
      return openRouteSession(
        {
          name: `tfjs:${name}`,
          numbers: Float32Array,
          network: async (compiled, options) => tfNetwork(tf, compiled, options),
        },
        job,
      );
    },
  };
}
