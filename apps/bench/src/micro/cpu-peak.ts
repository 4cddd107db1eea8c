import { readFileSync } from "node:fs";

/** The float32 rate that a processor's vector units could reach, from what the system says about it. */
export interface CpuPeak {
  readonly cores: number;
  readonly megahertz: number;
  readonly flopsPerCycle: number;
  readonly gflops: number;
}

/**
 * Reads the format of /proc/cpuinfo: distinct physical cores, their clock, and two fused multiply-adds per cycle of the widest
 * vectors. Null when it does not say enough.
 */
export function cpuPeakOf(cpuinfo: string): CpuPeak | null {
  const processors = cpuinfo.split(/\n\s*\n/).filter((block) => /^processor\s*:/m.test(block));
  const field = (block: string, name: string) => new RegExp(`^${name}\\s*:\\s*(.*)$`, "m").exec(block)?.[1];
  const [first] = processors;
  if (first === undefined) return null;
  const flags = new Set(field(first, "flags")?.split(" ") ?? []);
  const lanes = flags.has("avx512f") ? 16 : flags.has("avx2") && flags.has("fma") ? 8 : null;
  const megahertz = Math.max(...processors.map((block) => Number(field(block, "cpu MHz"))));
  if (lanes === null || !(megahertz > 0)) return null;
  const cores = new Set(processors.map((block) => `${field(block, "physical id")} ${field(block, "core id")}`)).size;
  const flopsPerCycle = 2 * 2 * lanes;
  return { cores, megahertz, flopsPerCycle, gflops: (cores * megahertz * flopsPerCycle) / 1000 };
}

/** Of this machine; null where the system does not tell. */
export function cpuPeak(): CpuPeak | null {
  try {
    return cpuPeakOf(readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    return null; // not Linux
  }
}
