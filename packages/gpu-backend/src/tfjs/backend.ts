import { createRequire } from "node:module";
import { dirname } from "node:path";
import { ConfigError, EngineUnavailableError } from "@fae/core";
import type * as core from "@tensorflow/tfjs-core";
import { restoreIsNullOrUndefined } from "./node-util.js";
import { gpuSupport, nodeSupport } from "./node-versions.js";

/** The part of TensorFlow.js that every backend shares. */
export type Tf = typeof core;
export type Tensor = core.Tensor;

/** In the order in which `tfjs` without a backend tries them. */
export const backendNames = ["node-gpu", "node", "webgpu", "wasm", "cpu"] as const;
export type BackendName = (typeof backendNames)[number];

export interface Backend {
  readonly name: BackendName;
  readonly tf: Tf;
  /** e.g. `tfjs 4.22.0, wasm`. */
  readonly description: string;
}

const install: Readonly<Record<BackendName, string>> = {
  "node-gpu": "npm i @tensorflow/tfjs-node-gpu@4.22.0 on Linux x64; with pnpm list it under onlyBuiltDependencies.",
  node: "npm i @tensorflow/tfjs-node@4.22.0; with pnpm list it under onlyBuiltDependencies.",
  webgpu:
    "npm i @tensorflow/tfjs-core @tensorflow/tfjs-backend-webgpu webgpu, and install a Vulkan loader with its GL and EGL libraries.",
  wasm: "npm i @tensorflow/tfjs-core @tensorflow/tfjs-backend-wasm.",
  cpu: "npm i @tensorflow/tfjs-core @tensorflow/tfjs-backend-cpu.",
};

type Loader = (find: NodeJS.Require) => Promise<Tf>;

/** Packages are CommonJS: `require` keeps one instance of tfjs-core for all of them. */
const requireCore = (find: NodeJS.Require): Tf => find("@tensorflow/tfjs-core") as Tf;

const native =
  (packageName: string, needsGpu: boolean): Loader =>
  async (find) => {
    restoreIsNullOrUndefined();
    const tf = find(packageName) as Tf & { node?: unknown };
    await tf.ready();
    const backend = tf.backend() as { isUsingGpuDevice?: boolean };
    if (needsGpu && backend.isUsingGpuDevice !== true) {
      throw new EngineUnavailableError(
        "@tensorflow/tfjs-node-gpu runs on the CPU: it found no GPU, or no CUDA 11.2 with cuDNN 8.1.",
        {
          fix: "Put CUDA 11.2 and cuDNN 8.1 on the library path, or use --engine cuda or tfjs:node.",
          details: { facts: backendFacts("node-gpu") },
        },
      );
    }
    return tf;
  };

async function webgpu(find: NodeJS.Require): Promise<Tf> {
  const dawn = find("webgpu") as { create(options: string[]): GpuLike; globals: Record<string, unknown> };
  const gpu = dawn.create([]);
  const adapter = await gpu.requestAdapter();
  if (adapter === null) {
    throw new EngineUnavailableError("WebGPU finds no adapter: there is no Vulkan driver, or its loader is missing.", {
      fix: "Install the Vulkan loader with the GL and EGL dispatch libraries (Debian: libvulkan1 libegl1 libglvnd0 libgl1 libglx0 libopengl0 libgles2), or use another engine.",
    });
  }
  // tfjs's backend looks for a browser's globals while it loads.
  Object.assign(globalThis, dawn.globals);
  Object.defineProperty(globalThis, "navigator", { value: { gpu }, configurable: true });
  const tf = requireCore(find);
  find("@tensorflow/tfjs-backend-webgpu");
  await use(tf, "webgpu");
  return tf;
}

interface GpuLike {
  requestAdapter(): Promise<unknown>;
}

async function use(tf: Tf, name: string): Promise<void> {
  tf.enableProdMode(); // else the cpu backend prints an advertisement for tfjs-node
  const found = await tf.setBackend(name);
  if (!found) throw new EngineUnavailableError(`TensorFlow.js cannot start its backend '${name}'.`);
  await tf.ready();
}

const loaders: Readonly<Record<BackendName, Loader>> = {
  "node-gpu": native("@tensorflow/tfjs-node-gpu", true),
  node: native("@tensorflow/tfjs-node", false),
  webgpu,
  wasm: async (find) => {
    const tf = requireCore(find);
    const wasm = find("@tensorflow/tfjs-backend-wasm") as { setWasmPaths(folder: string): void };
    wasm.setWasmPaths(`${dirname(find.resolve("@tensorflow/tfjs-backend-wasm"))}/`);
    await use(tf, "wasm");
    return tf;
  },
  cpu: async (find) => {
    const tf = requireCore(find);
    find("@tensorflow/tfjs-backend-cpu");
    await use(tf, "cpu");
    return tf;
  },
};

/** What is known of a backend on this version of Node. */
export function backendFacts(name: BackendName, version: string = process.versions.node): Record<string, string> {
  if (name !== "node" && name !== "node-gpu") return {};
  return { node: nodeSupport(name, version), ...(name === "node-gpu" ? { gpu: gpuSupport } : {}) };
}

/** Why a backend did not load, as one error with reason and repair. */
export function unavailable(name: BackendName, cause: unknown): EngineUnavailableError {
  if (cause instanceof EngineUnavailableError) return cause;
  const { code, message } = cause as { code?: string; message?: string };
  const about = { fix: `Install it: ${install[name]}`, cause, details: { backend: name, facts: backendFacts(name) } };
  if (code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND")
    return new EngineUnavailableError(`The TensorFlow.js backend '${name}' is not installed.`, about);
  if (message?.includes("tfjs_binding.node"))
    return new EngineUnavailableError(
      `The TensorFlow.js backend '${name}' is installed, but its native part is missing: its install script was blocked or had no network.`,
      { ...about, fix: `Allow its install script and reinstall: ${install[name]}` },
    );
  return new EngineUnavailableError(`The TensorFlow.js backend '${name}' does not start: ${message ?? cause}`, about);
}

/**
 * Loads a backend, or without a name the first that works.
 * @param find resolves the optional peer packages; default: from this package. Tests give a fake.
 * @throws EngineUnavailableError with reason and repair; ConfigError for an unknown name.
 */
export async function loadBackend(
  name: string | undefined,
  find: NodeJS.Require = createRequire(import.meta.url),
): Promise<Backend> {
  if (name === undefined) {
    const reasons: string[] = [];
    for (const candidate of backendNames) {
      try {
        return await loadBackend(candidate, find);
      } catch (error) {
        reasons.push(`${candidate}: ${(error as Error).message}`);
      }
    }
    throw new EngineUnavailableError(`No TensorFlow.js backend is available. ${reasons.join(" ")}`);
  }
  const known = backendNames.find((candidate) => candidate === name);
  if (known === undefined) {
    throw new ConfigError(`There is no TensorFlow.js backend '${name}'.`, {
      fix: `Choose one of ${backendNames.join(", ")}.`,
      details: { option: "engine", found: name, expected: backendNames },
    });
  }
  try {
    const tf = await loaders[known](find);
    return { name: known, tf, description: `tfjs ${tf.version_core}, ${known}` };
  } catch (error) {
    throw unavailable(known, error);
  }
}
