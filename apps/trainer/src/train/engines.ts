import {
  ConfigError,
  checkArguments,
  dataKinds,
  type Engine,
  EngineUnavailableError,
  FaeError,
  is,
  type Job,
  type Machine,
  referenceEngine,
  suggestion,
  UnsupportedError,
} from "@fae/core";
import { backendNames, cpuEngine, cudaEngine, tfjsEngine } from "@fae/gpu-backend";

/** Whether one engine can run here. */
export type EngineStatus =
  | { readonly name: string; readonly available: true; readonly machine: Machine }
  | { readonly name: string; readonly available: false; readonly why: string; readonly facts: Facts };

/** What an engine found on the machine, by name. */
type Facts = Machine["facts"];

/** An engine for a job, and why it is this one. */
export interface EngineChoice {
  readonly engine: Engine;
  readonly why: string;
}

/**
 * Every engine in the order in which `auto` tries them, fastest first. `variant` is what follows a colon, e.g. `wasm` in
 * `tfjs:wasm`. Loading throws EngineUnavailableError with reason and fix where the engine cannot run.
 */
const loaders: Readonly<Record<string, (variant?: string) => Promise<Engine>>> = {
  cuda: async () => withGpu(cudaEngine()),
  cpu: async () => cpuEngine(),
  tfjs: tfjsEngine,
  reference: async () => referenceEngine(),
};
const engineNames = Object.keys(loaders);

/** @throws ConfigError for an unknown name, EngineUnavailableError */
export async function loadEngine(name: string): Promise<Engine> {
  checkArguments("loadEngine", { name: [name, is.text] });
  const [base, variant] = name.split(":");
  if (variant !== undefined && base !== "tfjs") {
    throw new ConfigError(`Engine '${base}' has no variants, found '${name}'.`, {
      fix: "Only tfjs has: tfjs:node-gpu, tfjs:node, tfjs:webgpu, tfjs:wasm, tfjs:cpu.",
      details: { option: "engine", found: name },
    });
  }
  if (Object.hasOwn(loaders, base)) return loaders[base](variant);
  throw new ConfigError(`There is no engine '${name}'.`, {
    fix: suggestion(base, ["auto", ...engineNames]),
    details: { option: "engine", found: name, expected: engineNames },
  });
}

/** The CUDA engine loads on machines without a GPU and says why there is none. @throws EngineUnavailableError */
function withGpu(engine: Engine): Engine {
  const { devices, description, facts } = engine.machine();
  if (devices.length > 0) return engine;
  throw new EngineUnavailableError(`Engine cuda finds ${description}.`, {
    fix: "Check 'nvidia-smi' and the driver ('fae doctor' tells more), or use another engine.",
    details: { facts },
  });
}

/** Tries every engine, and of TensorFlow.js every backend. */
export async function engineStatuses(): Promise<EngineStatus[]> {
  const statuses: EngineStatus[] = [];
  const names = engineNames.flatMap((name) => (name === "tfjs" ? backendNames.map((b) => `tfjs:${b}`) : [name]));
  for (const name of names) {
    const found = await tryEngine(name);
    statuses.push(
      found.engine
        ? { name, available: true, machine: found.engine.machine() }
        : { name, available: false, why: found.why, facts: found.facts },
    );
  }
  return statuses;
}

/** The engine that was named, or for `auto` the first that is there. @throws ConfigError, EngineUnavailableError */
export async function chooseAvailable(name: string): Promise<Engine> {
  return (await choose(name, () => [])).engine;
}

/**
 * The engine that was named, or for `auto` the first that is available here and does not refuse the job.
 * @throws EngineUnavailableError, UnsupportedError with every reason
 */
export async function chooseEngine(name: string, job: Job): Promise<EngineChoice> {
  checkArguments("chooseEngine", { name: [name, is.text], job: [job, dataKinds.job] });
  return choose(name, (engine) => engine.refuses(job));
}

async function choose(name: string, refuses: (engine: Engine) => string[]): Promise<EngineChoice> {
  if (name !== "auto") {
    const engine = await loadEngine(name);
    const reasons = refuses(engine);
    if (reasons.length > 0) throw refusal(name, reasons);
    return { engine, why: "asked for" };
  }
  const passed: string[] = [];
  const brief: string[] = [];
  for (const candidate of engineNames) {
    const found = await tryEngine(candidate);
    const reasons = found.engine ? refuses(found.engine) : [found.why];
    if (found.engine && reasons.length === 0) {
      return { engine: found.engine, why: brief.length === 0 ? "the fastest there is" : brief.join("; ") };
    }
    passed.push(`${candidate}: ${listed(reasons)}`);
    brief.push(`not ${candidate}: ${firstSentence(reasons[0])}`);
  }
  throw refusal("auto", passed);
}

async function tryEngine(
  name: string,
): Promise<{ readonly engine: Engine } | { readonly engine: null; readonly why: string; readonly facts: Facts }> {
  try {
    return { engine: await loadEngine(name) };
  } catch (error) {
    if (!(error instanceof FaeError)) throw error;
    return { engine: null, why: error.message, facts: (error.details["facts"] as Facts | undefined) ?? {} };
  }
}

const firstSentence = (text: string): string => /^.*?(?=\.(?:\s|$))/.exec(text)?.[0] ?? text;

const listed = (reasons: readonly string[]): string => reasons.map((reason) => reason.replace(/\.$/, "")).join("; ");

const refusal = (name: string, reasons: readonly string[]): UnsupportedError =>
  new UnsupportedError(`Engine ${name} cannot run this job: ${listed(reasons)}.`, {
    fix: "Choose another engine or strategy; 'fae doctor' lists what is there.",
    details: { engine: name, reasons },
  });
