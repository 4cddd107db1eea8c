import { type RouteName, type Stage, stages, type Traffic, trafficKinds } from "@fae/core";
import { z } from "zod";
import type { RunEvent } from "../train/run-events.js";

const routes = ["host", "hybrid", "server", "hot", "mixed", "device"] as const satisfies readonly RouteName[];
const sums = <K extends string>(keys: readonly K[]) =>
  z.partialRecord(z.enum(keys as readonly [K, ...K[]]), z.number());
const metric = z.number().nullable();
const text = z.string();

const start = z.object({
  kind: z.literal("start"),
  step: z.int(),
  startedAt: text,
  fae: text,
  model: text,
  strategy: text,
  routes: z.array(z.enum(routes)),
  engine: text,
  machine: text,
  data: text,
  optimizer: text,
  learningRate: z.number(),
  batch: z.int(),
  epochs: z.int(),
  rows: z.number(),
  width: z.int(),
  parameters: z.number(),
  hotRows: z.number().nullable(),
  inputsTotal: z.number(),
  stepsTotal: z.number(),
  hostBytes: z.number(),
  deviceBytes: z.number(),
});

const segment = z.object({
  kind: z.literal("segment"),
  step: z.int().positive(),
  epoch: z.int(),
  route: z.enum(routes),
  batches: z.int().positive(),
  inputs: z.int(),
  loss: z.number(),
  learningRate: z.number(),
  seconds: z.number(),
  embeddingBytes: z.number(),
  stages: sums<Stage>(stages).default({}),
  toDevice: sums<Traffic>(trafficKinds).default({}),
  toHost: sums<Traffic>(trafficKinds).default({}),
  coldRows: z.int().exactOptional(),
  forwardedRows: z.int().exactOptional(),
  schedulerRate: z.number().exactOptional(),
  rssBytes: z.number().exactOptional(),
  deviceBytes: z.number().exactOptional(),
});

const test = z.object({
  kind: z.literal("test"),
  step: z.int(),
  askedBy: z.enum(["scheduler", "interval", "end"]),
  seconds: z.number(),
  metrics: z.object({
    inputs: z.int(),
    accuracy: metric,
    auc: metric,
    logLoss: metric,
    normalizedEntropy: metric,
    calibration: metric,
  }),
});

const known = z.discriminatedUnion("kind", [start, segment, test]);
const unknown = z.looseObject({ kind: z.string() });

/**
 * A line of `metrics.jsonl`.
 * @returns undefined for a line of a kind that is not shown, null for a damaged one
 */
export function parseEvent(line: string): RunEvent | undefined | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  const event = known.safeParse(value);
  if (event.success) return event.data;
  const other = unknown.safeParse(value);
  return other.success && !["start", "segment", "test"].includes(other.data.kind) ? undefined : null;
}
