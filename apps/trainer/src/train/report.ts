import type { Bytes, Machine, Plan, RouteName } from "@fae/core";
import type { ShuffleTest } from "@fae/scheduler";
import type { SegmentEvent, TestEvent } from "./loop.js";
import type { Metrics } from "./metrics.js";
import type { TrainOptions } from "./options.js";
import type { RouteTotals, Seconds } from "./totals.js";
import type { RateChange } from "./training-state.js";

/** `report.json` of a run: what was asked, on what, what came out, and where time and bytes went. */
export interface TrainReport {
  readonly format: "fae-run";
  readonly version: 1;
  readonly options: TrainOptions;
  readonly versions: { readonly fae: string; readonly node: string; readonly platform: string };
  readonly engine: { readonly name: string; readonly why: string; readonly machine: Machine };
  readonly data: {
    readonly directory: string;
    readonly source: string;
    readonly digest: string;
    readonly labelRate: number;
    readonly inputs: Readonly<Record<string, number>>;
    readonly packedFor: { readonly from: string; readonly budgetBytes: number; readonly rowBytes: number } | null;
  };
  readonly model: {
    readonly name: string;
    readonly tables: number;
    readonly rows: number;
    readonly width: number;
    readonly parameters: number;
    readonly tableBytes: number;
  };
  readonly plan: Omit<Plan, "placements"> & {
    /** Hot rows of all split tables, with their bytes on the device; null when no table is split. */
    readonly hot: { readonly rows: number; readonly bytes: number; readonly rowsPerTable: readonly number[] } | null;
  };
  readonly steps: number;
  readonly inputs: number;
  /** The weights that are scored and written: the last ones, or those of the best test, and the updates that they had. */
  readonly kept: { readonly weights: TrainOptions["keep"]; readonly step: number };
  /** Learning rates that the run was given when it was resumed. */
  readonly rateChanges: readonly RateChange[];
  /** Steps of the checkpoints from which the run was resumed. */
  readonly resumedAt: readonly number[];
  /** Mean loss of each segment, before its updates. */
  readonly lossCurve: readonly Pick<SegmentEvent, "step" | "epoch" | "route" | "loss">[];
  readonly tests: readonly Omit<TestEvent, "kind">[];
  /** What the Shuffle Scheduler decided; null for other strategies. */
  readonly schedulerTrace: readonly ShuffleTest[] | null;
  /** Held-out quality of the weights that are kept; null where the data have no such split. */
  readonly metrics: { readonly val: Metrics | null; readonly test: Metrics | null };
  readonly seconds: {
    readonly total: number;
    readonly open: number;
    /** Inside training segments, and inside evaluations, final ones included. */
    readonly train: number;
    readonly evaluate: number;
    /** Of training; stages that overlap add up to more than `train`. */
    readonly stages: Seconds;
  };
  readonly bytes: { readonly train: Bytes; readonly evaluate: Bytes; readonly trainPerEpoch: readonly Bytes[] };
  readonly rows: { readonly cold: number; readonly forwarded: number; readonly switched: number };
  readonly routes: Readonly<Partial<Record<RouteName, RouteTotals>>>;
  readonly switches: number;
  readonly memory: { readonly hostBytes: number; readonly deviceBytes: number };
}

/** Share of training inputs that ran on the `hot` route; null when the strategy has none. */
export function hotShare(report: Pick<TrainReport, "routes" | "inputs">): number | null {
  const hot = report.routes.hot;
  return hot === undefined || report.inputs === 0 ? null : hot.inputs / report.inputs;
}
