import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { strideBytes } from "@fae/core";
import { packWith, profileOf } from "../data/pack.js";
import type { Workload } from "../data/workloads.js";
import type { Bench } from "../scenario.js";

/** What it costs to find the hot rows of a log and to rewrite it, measured anew. */
export interface Preparation {
  readonly inputs: number;
  readonly profileSeconds: number;
  readonly packSeconds: number;
  /** Bytes of row files that packing wrote. */
  readonly packedBytes: number;
}

/** Profiles and packs a workload's data afresh; null when the data came packed. */
export async function timePreparation(bench: Bench, { data, hot, name }: Workload): Promise<Preparation | null> {
  if (data.packed) return null;
  bench.log(`${name}: profile and pack`);
  const directory = join(bench.cacheDirectory, `timed-pack-${process.pid}`);
  await mkdir(bench.cacheDirectory, { recursive: true });
  await rm(directory, { recursive: true, force: true });
  try {
    const started = performance.now();
    const made = await profileOf(bench, data, hot);
    const profiled = performance.now();
    const packed = await packWith(bench, data, made, directory);
    const done = performance.now();
    const rows = Object.values(packed.splits).reduce((sum, split) => sum + split.rows, 0);
    return {
      inputs: data.splits.train?.rows ?? 0,
      profileSeconds: (profiled - started) / 1000,
      packSeconds: (done - profiled) / 1000,
      packedBytes: rows * strideBytes(packed.layout),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
    await rm(`${directory}.partial`, { recursive: true, force: true });
  }
}
