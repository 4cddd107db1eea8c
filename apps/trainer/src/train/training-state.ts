import {
  ConfigError,
  DataError,
  type PreparedData,
  type RouteName,
  type Stage,
  stages,
  type Traffic,
  trafficKinds,
} from "@fae/core";
import type { Checkpoint } from "@fae/embedding-store";
import { type OrderState, parseOrderState } from "@fae/scheduler";
import { z } from "zod";
import type { LoopState } from "./loop.js";
import { type TrainOptions, trainOptions } from "./options.js";
import type { MetricsMark } from "./run-output.js";

/** A learning rate that a resumed run was given in place of its own. */
export interface RateChange {
  /** Updates done before. */
  readonly step: number;
  readonly from: number;
  readonly to: number;
}

/** What a checkpoint of an unfinished run holds besides model and optimizer: where training stands. */
export interface TrainingState {
  readonly options: TrainOptions;
  readonly data: DataMark;
  readonly order: OrderState;
  readonly loop: LoopState;
  /** The events so far are the first bytes of the run's `metrics.jsonl`. */
  readonly metrics: MetricsMark;
  /** Checkpoints of changed rows since the last full one. */
  readonly afterFull: number;
  /** Wall seconds spent until now. */
  readonly seconds: number;
  /** Steps at which the run was resumed before. */
  readonly resumedAt: readonly number[];
  readonly rateChanges: readonly RateChange[];
}

/** What the order of a strategy that trains hot and cold inputs apart depends on, besides the inputs themselves. */
export interface DataMark {
  readonly digest: string;
  /** Hot rows per table, as packed. */
  readonly hotRows: readonly number[] | null;
}

export const dataMark = ({ digest, packed }: PreparedData): DataMark => ({ digest, hotRows: packed?.hotRows ?? null });

const routes = ["host", "hybrid", "server", "hot", "mixed", "device"] as const satisfies readonly RouteName[];
const bothWays = z.object({ toDevice: z.number(), toHost: z.number() });
const bytes = z.record(z.enum(trafficKinds as [Traffic, ...Traffic[]]), bothWays);
const better = { best: z.number().nullable(), bad: z.int() };

const loopSchema = z.object({
  totals: z.object({
    batches: z.int(),
    inputs: z.int(),
    trainSeconds: z.number(),
    evaluateSeconds: z.number(),
    stageSeconds: z.record(z.enum(stages as [Stage, ...Stage[]]), z.number()),
    trainBytes: bytes,
    evaluateBytes: bytes,
    epochBytes: z.array(bytes),
    coldRows: z.int(),
    forwardedRows: z.int(),
    switchedRows: z.int(),
    switches: z.int(),
    routes: z.partialRecord(z.enum(routes), z.object({ batches: z.int(), inputs: z.int(), seconds: z.number() })),
  }),
  lastRoute: z.enum(routes).nullable(),
  plateau: z.object({ ...better, scale: z.number(), cooling: z.int() }),
  earlyStop: z.object({ ...better, bestStep: z.int(), isOver: z.boolean() }),
  tested: z.object({ step: z.int(), loss: z.number() }).nullable(),
});

const schema = z.looseObject({
  training: z.object({
    version: z.literal(2),
    options: z.looseObject({ data: z.string(), model: z.string() }),
    data: z.object({ digest: z.string(), hotRows: z.array(z.int()).nullable() }),
    order: z.json(),
    loop: loopSchema,
    metrics: z.object({ bytes: z.int(), sha256: z.string() }),
    afterFull: z.int(),
    seconds: z.number(),
    resumedAt: z.array(z.int()),
    // Runs that began before this was recorded had none.
    rateChanges: z.array(z.object({ step: z.int(), from: z.number(), to: z.number() })).default([]),
  }),
});

/** As plain JSON, to go into a checkpoint's state. */
export const trainingJson = (state: TrainingState): Record<string, unknown> =>
  JSON.parse(JSON.stringify({ training: { version: 2, ...state } }));

/** @throws DataError when the checkpoint is not one of an unfinished run, PlanError when its order cannot be read */
export function trainingOf({ path, manifest }: Checkpoint): TrainingState {
  const found = schema.safeParse(manifest.state);
  if (!found.success) {
    throw new DataError(`Checkpoint '${path}' does not say where its training stands.`, {
      fix: "Resume from a checkpoint that 'fae train --checkpoint-every' wrote with this version of FAE.",
      details: { path },
      cause: found.error,
    });
  }
  const { version: _, options, order, ...rest } = found.data.training;
  // A run that began before the best model could be kept has none.
  return { ...rest, options: optionsOf(path, { keep: "last", ...options }), order: parseOrderState(order) };
}

/** Checked as those of a caller are, and filled in with what is newer. */
function optionsOf(path: string, stored: Readonly<Record<string, unknown>>): TrainOptions {
  try {
    return trainOptions(stored as unknown as TrainOptions);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new DataError(`Checkpoint '${path}' was not made by this version of FAE, or is damaged: ${cause.message}`, {
      fix: "Resume with the version that wrote it.",
      details: { path, ...cause.details },
      cause,
    });
  }
}
