import { execFileSync } from "node:child_process";
import { cpus, release, totalmem, type } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Engine } from "@fae/core";
import type { MachineFacts } from "../result.js";

/** What this machine is, with each engine's own account of it. */
export function machineFacts(engines: readonly Engine[]): MachineFacts {
  const described: Record<string, string> = {};
  const gpus = new Set<string>();
  for (const engine of engines) {
    const machine = engine.machine();
    described[engine.name] = machine.description;
    if (engine.name === "cuda") for (const device of machine.devices) gpus.add(device.name);
  }
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? "unknown",
    cores: processors.length,
    memoryBytes: totalmem(),
    os: `${type()} ${release()}`,
    gpus: [...gpus],
    engines: described,
  };
}

/**
 * The commit of the checkout that this code lies in, with `+` for uncommitted changes; `FAE_COMMIT` where there is no checkout;
 * or "unknown".
 */
export function commit(environment: Readonly<Record<string, string | undefined>>): string {
  if (environment["FAE_COMMIT"]) return environment["FAE_COMMIT"];
  const here = dirname(fileURLToPath(import.meta.url));
  try {
    const git = (...args: string[]) =>
      execFileSync("git", args, { cwd: here, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    // Inside node_modules of someone else's repository the commit would be theirs.
    if (!git("rev-parse", "--show-prefix").startsWith("apps/bench/")) return "unknown";
    return git("rev-parse", "--short=12", "HEAD") + (git("status", "--porcelain", "--untracked-files=no") ? "+" : "");
  } catch {
    return "unknown";
  }
}
