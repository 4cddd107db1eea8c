import { readFileSync, statfsSync } from "node:fs";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { checkArguments, DataError, is } from "@fae/core";

/** What this machine has, as far as training cares. */
export interface MachineFacts {
  readonly node: string;
  readonly platform: string;
  readonly cpu: {
    readonly model: string;
    readonly threads: number;
    /** Vector instructions found; null where the platform does not tell. */
    readonly features: readonly string[] | null;
  };
  readonly memory: { readonly totalBytes: number; readonly availableBytes: number };
  readonly disk: { readonly path: string; readonly freeBytes: number };
}

const vectorFeatures = ["sse4_2", "avx", "avx2", "fma", "avx512f", "avx512bw", "amx_bf16", "asimd", "sve"];

/** @param directory whose disk is looked at */
export function machineFacts(directory: string): MachineFacts {
  checkArguments("machineFacts", { directory: [directory, is.text] });
  const { bavail, bsize } = statfs(directory);
  return {
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cpu: { model: cpus()[0]?.model.trim() ?? "unknown", threads: availableParallelism(), features: cpuFeatures() },
    memory: { totalBytes: totalmem(), availableBytes: availableMemory() },
    disk: { path: directory, freeBytes: bavail * bsize },
  };
}

function statfs(directory: string) {
  try {
    return statfsSync(directory);
  } catch (cause) {
    throw new DataError(`The disk of '${directory}' cannot be looked at: ${(cause as Error).message}.`, {
      fix: "Name a directory that exists.",
      details: { path: directory },
      cause,
    });
  }
}

function procFile(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null; // not Linux
  }
}

function cpuFeatures(): string[] | null {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(procFile("/proc/cpuinfo") ?? "")?.[1];
  if (line === undefined) return null;
  const found = new Set(line.trim().split(/\s+/));
  return vectorFeatures.filter((feature) => found.has(feature));
}

/** Free memory plus what the page cache would give back. */
function availableMemory(): number {
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(procFile("/proc/meminfo") ?? "")?.[1];
  return kibibytes === undefined ? freemem() : Number(kibibytes) * 1024;
}
