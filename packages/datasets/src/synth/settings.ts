import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { ConfigError } from "@fae/core";
import { rawFormats } from "../raw-formats.js";
import type { SynthOptions, SynthProgress } from "./options.js";
import { clickSources } from "./sources/index.js";

/** Checked options with their defaults. */
export interface SynthSettings
  extends Required<Omit<SynthOptions, "onProgress" | "signal" | "vocabulary" | "labelRate">> {
  readonly labelRate: number;
  /** Null: by the number of rows. */
  readonly vocabulary: boolean | null;
  readonly onProgress: (progress: SynthProgress) => void;
  readonly signal: AbortSignal | null;
}

const mostDrift = 0.05;

/** @throws ConfigError naming the option, the value found and the values allowed. */
export function settleSynth(options: SynthOptions): SynthSettings {
  const { source, format, directory, rows, gzip = false, calibration = "counts" } = options;
  const { seed = 0, scale = 1, drift = 0, workers = availableParallelism() } = options;
  if (!(source in rawFormats)) throw wrong("source", source, Object.keys(rawFormats).join(", "));
  if (format !== "raw" && format !== "prepared") throw wrong("format", format, "raw or prepared");
  const clicks = source === "taobao" ? null : clickSources[source];
  if (calibration !== "counts" && calibration !== "paper") throw wrong("calibration", calibration, "counts or paper");
  if (calibration === "paper" && !clicks?.paper) throw wrong("calibration", calibration, `counts for ${source}`);
  if (!(scale > 0 && scale <= 1)) throw wrong("scale", scale, "above 0, at most 1");
  if (!(drift >= 0 && drift <= mostDrift)) throw wrong("drift", drift, `a share from 0 to ${mostDrift}`);
  if (drift > 0 && !clicks) throw wrong("drift", drift, `0 for ${source}`);
  if (options.days !== undefined && !source.startsWith("criteo"))
    throw wrong("days", options.days, `none for ${source}`);
  const days = integerIn("days", options.days ?? clicks?.days ?? 2, 2, 1000);
  // Every split gets an input, and every day one.
  integerIn("rows", rows, Math.max(40, 2 * days), 2 ** 40);
  integerIn("seed", seed, 0, 4294967295);
  integerIn("workers", workers, 1, 1024);
  if (gzip && format === "prepared") throw wrong("gzip", gzip, "false for prepared data");
  if (options.vocabulary !== undefined && format === "raw")
    throw wrong("vocabulary", options.vocabulary, "none for raw");
  if (options.labelRate !== undefined && !clicks) throw wrong("labelRate", options.labelRate, `none for ${source}`);
  const labelRate = options.labelRate ?? clicks?.labelRate ?? 0.5;
  if (!(labelRate >= 0.001 && labelRate <= 0.999)) throw wrong("labelRate", labelRate, "a share from 0.001 to 0.999");
  return {
    source,
    format,
    directory: resolve(directory),
    rows,
    seed,
    calibration,
    scale,
    drift,
    days,
    labelRate,
    gzip,
    vocabulary: options.vocabulary ?? null,
    workers,
    onProgress: options.onProgress ?? (() => {}),
    signal: options.signal ?? null,
  };
}

export function wrong(option: string, found: unknown, expected: string): ConfigError {
  return new ConfigError(`Option ${option} is ${JSON.stringify(found)}, expected ${expected}.`, {
    details: { option, found, expected },
  });
}

function integerIn(option: string, value: number, low: number, high: number): number {
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw wrong(option, value, `an integer from ${low} to ${high}`);
}
