import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { strideBytes } from "@fae/core";
import { openPrepared, prepare, synthesize } from "@fae/datasets";
import { packWith, profileOf } from "../data/pack.js";
import type { Check } from "../result.js";
import type { Bench } from "../scenario.js";

/** One piece of work on files: how much, how long, how much memory. */
export interface LoaderRun {
  readonly name: "synth raw" | "synth prepared" | "prepare" | "profile" | "pack";
  readonly inputs: number;
  /** Of the files read (`prepare`) or written (the others; `profile` reads). */
  readonly bytes: number;
  readonly seconds: number;
  readonly workers: number;
  /** Resident memory above that at the start, sampled. */
  readonly peakBytes: number;
}

export interface LoaderRuns {
  readonly runs: readonly LoaderRun[];
  readonly checks: readonly Check[];
}

/** A raw log made, prepared with hashed ids, profiled and packed, in a directory that is removed again. */
export async function runLoaders(bench: Bench, rows: number, scale: number, workers: number): Promise<LoaderRuns> {
  const root = join(bench.cacheDirectory, `loaders-${process.pid}`);
  const at = (name: string) => join(root, name);
  const { signal } = bench;
  const shared = { source: "criteo-kaggle", rows, scale, seed: 1, workers, signal } as const;
  const run = async (
    name: LoaderRun["name"],
    work: () => Promise<{ inputs: number; bytes: number }>,
  ): Promise<LoaderRun> => {
    bench.log(name);
    const watch = watchMemory();
    const started = performance.now();
    try {
      const { inputs, bytes } = await work();
      const seconds = (performance.now() - started) / 1000;
      return { name, inputs, bytes, seconds, workers, peakBytes: watch.peak() };
    } finally {
      watch.stop();
    }
  };
  await rm(root, { recursive: true, force: true });
  try {
    const runs = [
      await run("synth raw", () => synthesize({ ...shared, format: "raw", directory: at("raw") })),
      await run("synth prepared", () =>
        synthesize({ ...shared, format: "prepared", directory: at("made"), vocabulary: false }),
      ),
      await run("prepare", async () => {
        const files = ["train.txt"].map((file) => join(at("raw"), file));
        await prepare({
          format: "criteo-kaggle",
          files,
          directory: at("prepared"),
          ids: "hash",
          maxRowsPerTable: Math.max(1000, Math.floor(10_000_000 * scale)),
          workers,
          signal,
        });
        return { inputs: rows, bytes: await sizeOf(at("raw"), ".txt") };
      }),
    ];
    const data = await openPrepared(at("made"));
    const hot = {
      width: 16,
      stateValues: 0,
      budgetBytes: Math.max(64 * 1024, Math.round(2 ** 28 * scale)),
      smallTableBytes: Math.max(256, Math.round(2 ** 20 * scale)),
    };
    const train = data.splits.train?.rows ?? 0;
    const trainBytes = train * strideBytes(data.layout);
    let made: Awaited<ReturnType<typeof profileOf>> | null = null;
    runs.push(
      await run("profile", async () => {
        made = await profileOf(bench, data, hot);
        return { inputs: train, bytes: trainBytes };
      }),
    );
    runs.push(
      await run("pack", async () => {
        if (made === null) throw new TypeError("profile comes before pack");
        const packed = await packWith(bench, data, made, at("packed"));
        const inputs = Object.values(packed.splits).reduce((sum, split) => sum + split.rows, 0);
        return { inputs: rows, bytes: inputs * strideBytes(packed.layout) };
      }),
    );
    return {
      runs,
      checks: [await keptAll("prepare", at("prepared"), rows), await keptAll("pack", at("packed"), rows)],
    };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** No input may be lost: all lines are in some split, and packed training inputs are hot or cold. */
async function keptAll(what: string, directory: string, rows: number): Promise<Check> {
  const { splits } = await openPrepared(directory);
  const { train, val, test, hot, cold } = splits;
  const kept = (train?.rows ?? 0) + (val?.rows ?? 0) + (test?.rows ?? 0);
  const parted = hot && cold ? hot.rows + cold.rows : (train?.rows ?? 0);
  return {
    what: `${what} keeps every input`,
    passed: kept === rows && parted === train?.rows,
    detail: `${kept} of ${rows}`,
  };
}

async function sizeOf(directory: string, ending: string): Promise<number> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(ending));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Samples the resident memory of the process, workers included. */
function watchMemory(): { peak(): number; stop(): void } {
  const start = process.memoryUsage.rss();
  let most = start;
  const sample = () => {
    most = Math.max(most, process.memoryUsage.rss());
  };
  const timer = setInterval(sample, 50);
  return {
    peak() {
      sample();
      return most - start;
    },
    stop: () => clearInterval(timer),
  };
}
