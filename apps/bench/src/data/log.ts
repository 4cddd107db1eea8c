import type { PreparedData } from "@fae/core";
import { openPrepared, type RawFormatName, synthesize } from "@fae/datasets";
import type { Bench } from "../scenario.js";
import { cached } from "./cache.js";

/** A generated click log. */
export interface LogSpec {
  readonly source: RawFormatName;
  /** Of all splits. */
  readonly inputs: number;
  /** Share of the rows of the large tables. */
  readonly scale: number;
  readonly calibration: "counts" | "paper";
  readonly seed: number;
  readonly labelRate?: number;
  readonly drift?: number;
  readonly days?: number;
}

/** Makes a prepared data set, once per cache. */
export async function generatedLog(bench: Bench, spec: LogSpec): Promise<PreparedData> {
  const { inputs, ...same } = spec;
  const directory = await cached(bench, `${spec.source}-${inputs}`, spec, async (target) => {
    await synthesize({
      ...same,
      format: "prepared",
      rows: inputs,
      directory: target,
      vocabulary: false,
      signal: bench.signal,
    });
  });
  return openPrepared(directory);
}
