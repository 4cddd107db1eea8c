import {
  ConfigError,
  type Engine,
  FaeError,
  type Job,
  type Machine,
  referenceEngine,
  UnsupportedError,
} from "@fae/core";
import { suggestion } from "../cli/nearest.js";

/** Whether one engine can run here. */
export type EngineStatus =
  | { readonly name: string; readonly available: true; readonly machine: Machine }
  | { readonly name: string; readonly available: false; readonly why: string };

/** An engine for a job, and why it is this one. */
export interface EngineChoice {
  readonly engine: Engine;
  readonly why: string;
}

/** Every engine, fastest first. Loading one throws EngineUnavailableError with reason and fix where it cannot run. */
const loaders: Readonly<Record<string, () => Promise<Engine>>> = {
  reference: async () => referenceEngine(),
};
const engineNames = Object.keys(loaders);

/** @throws ConfigError for an unknown name, EngineUnavailableError */
export async function loadEngine(name: string): Promise<Engine> {
  if (Object.hasOwn(loaders, name)) return loaders[name]();
  throw new ConfigError(`There is no engine '${name}'.`, {
    fix: suggestion(name, ["auto", ...engineNames]),
    details: { option: "engine", found: name, expected: engineNames },
  });
}

/** Tries every engine. */
export async function engineStatuses(): Promise<EngineStatus[]> {
  const statuses: EngineStatus[] = [];
  for (const name of engineNames) {
    try {
      statuses.push({ name, available: true, machine: (await loadEngine(name)).machine() });
    } catch (error) {
      if (!(error instanceof FaeError)) throw error;
      statuses.push({ name, available: false, why: error.message });
    }
  }
  return statuses;
}

/**
 * The engine that was named, or for `auto` the first of `engineNames` (fastest first) that is available here and does not
 * refuse the job.
 * @throws EngineUnavailableError, UnsupportedError with every reason
 */
export async function chooseEngine(name: string, job: Job): Promise<EngineChoice> {
  if (name !== "auto") {
    const engine = await loadEngine(name);
    const reasons = engine.refuses(job);
    if (reasons.length > 0) throw refusal(name, reasons);
    return { engine, why: "asked for" };
  }
  const passed: string[] = [];
  for (const candidate of engineNames) {
    const engine = await loadEngine(candidate).catch((error: unknown) => {
      if (!(error instanceof FaeError)) throw error;
      passed.push(`${candidate}: ${error.message}`);
      return null;
    });
    const reasons = engine?.refuses(job) ?? [];
    if (engine !== null && reasons.length === 0) {
      return { engine, why: passed.length === 0 ? "the fastest there is" : `not ${passed.join("; not ")}` };
    }
    if (engine !== null) passed.push(`${candidate}: ${reasons.join(", ")}`);
  }
  throw refusal("auto", passed);
}

const refusal = (name: string, reasons: readonly string[]): UnsupportedError =>
  new UnsupportedError(`Engine ${name} cannot run this job: ${reasons.join("; ")}.`, {
    fix: "Choose another engine or strategy; 'fae doctor' lists what is there.",
    details: { engine: name, reasons },
  });
