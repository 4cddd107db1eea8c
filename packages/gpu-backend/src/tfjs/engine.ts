import { checkArguments, type Engine, is, type Job, openRouteSession, plainRefusals } from "@fae/core";
import { backendFacts, loadBackend } from "./backend.js";
import { tfNetwork } from "./network.js";

/**
 * The dense part on TensorFlow.js, tables and their updates in our memory: any tfjs backend runs any program on any route.
 * @param backend node-gpu, node, webgpu, wasm or cpu; absent: the first that works, in this order
 * @throws EngineUnavailableError with the reason and the repair
 */
export async function tfjsEngine(backend?: string): Promise<Engine> {
  checkArguments("tfjsEngine", { backend: [backend, is.maybe(is.text)] });
  const { tf, name, description } = await loadBackend(backend);
  return {
    name: `tfjs:${name}`,
    machine: () => ({
      engine: `tfjs:${name}`,
      description,
      threads: 1,
      devices: [],
      facts: { tfjs: description, ...backendFacts(name) },
    }),
    refuses: plainRefusals,
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
