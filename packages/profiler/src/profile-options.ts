import { ConfigError, DataError, type PreparedData, type SplitName } from "@fae/core";
import type { RowSource } from "./blocks.js";
import { usualSmallTableBytes } from "./hot-set.js";
import type { Profile } from "./profile-schema.js";
import { checkRate } from "./sample.js";

export interface ProfileOptions {
  readonly data: PreparedData;
  /** Inputs to profile; default `train`. */
  readonly split?: SplitName;
  /** D. */
  readonly width: number;
  /** Optimizer state per row, in values: `rowStateValues` of core. */
  readonly stateValues: number;
  /** Device bytes for hot rows with their optimizer state. */
  readonly budgetBytes: number;
  /** Tables of fewer bytes are hot as a whole; default 1 MiB. */
  readonly smallTableBytes?: number;
  /** `exact` (default) counts every input and fills the budget; `sampled` counts a sample and estimates, as FAE does. */
  readonly method?: Profile["method"];
  /** `sampled`: percent of the inputs, in (0, 100]; default 5. */
  readonly ratePercent?: number;
  /** Of the sample and the chunks; default 0. */
  readonly seed?: number;
  /** Also try the other method and report how the two differ; default false. */
  readonly compare?: boolean;
  /** Predict bytes per batch: B, dense parameter values, look-ahead of `mixed` (default 2). */
  readonly traffic?: { readonly batch: number; readonly parameters: number; readonly lookAhead?: number };
  readonly workers?: number;
  readonly signal?: AbortSignal;
  readonly progress?: (phase: "count" | "judge", inputs: number, total: number) => void;
}

/** Bytes of a row with its optimizer state. */
export const rowBytes = ({ width, stateValues }: ProfileOptions): number => 4 * (width + stateValues);
export const smallTables = ({ smallTableBytes = usualSmallTableBytes }: ProfileOptions): number => smallTableBytes;

/** The inputs to profile. @throws DataError when there are none. */
export function sourceOf({ data, split = "train" }: ProfileOptions): RowSource {
  const found = data.splits[split];
  if (found !== undefined && found.rows > 0)
    return { layout: data.layout, rows: found.rows, storage: { kind: "file", path: found.path } };
  throw new DataError(
    `'${data.directory}' has ${found === undefined ? "no split" : "no inputs in split"} "${split}".`,
    {
      fix: "Profile a split that holds inputs, normally train.",
      details: { path: data.directory, split, found: Object.keys(data.splits) },
    },
  );
}

/** @throws ConfigError naming the option that is wrong. */
export function checkOptions({
  width,
  stateValues,
  ratePercent = 5,
  seed = 0,
  traffic,
  smallTableBytes = 0,
}: ProfileOptions): void {
  checkRate(ratePercent);
  whole("width", width, 1);
  whole("stateValues", stateValues, 0);
  whole("seed", seed, 0);
  whole("smallTableBytes", smallTableBytes, 0);
  if (traffic === undefined) return;
  whole("traffic.batch", traffic.batch, 1);
  whole("traffic.parameters", traffic.parameters, 0);
  whole("traffic.lookAhead", traffic.lookAhead ?? 2, 0);
}

function whole(option: string, found: number, least: number): void {
  if (Number.isInteger(found) && found >= least) return;
  throw new ConfigError(`${option} is ${found}, expected a whole number of at least ${least}.`, {
    fix: `Set ${option} to such a number.`,
    details: { option, found, least },
  });
}
