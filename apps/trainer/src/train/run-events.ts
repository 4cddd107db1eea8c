import type { Plan, Program, RouteName, Session } from "@fae/core";
import { parameterCount } from "@fae/models";
import { faeVersion } from "../version.js";
import type { EngineChoice } from "./engines.js";
import type { PlannedJob } from "./job.js";
import type { LoopEvent } from "./loop.js";
import type { TrainOptions } from "./options.js";

/** First line of a run's `metrics.jsonl`, and again where it was resumed: what is trained, and how much of it. */
export interface StartEvent {
  readonly kind: "start";
  /** Updates done before: 0, or those of the checkpoint. */
  readonly step: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly fae: string;
  readonly model: string;
  readonly strategy: Plan["strategy"];
  readonly routes: readonly RouteName[];
  readonly engine: string;
  readonly machine: string;
  readonly data: string;
  readonly optimizer: string;
  readonly learningRate: number;
  /** B. */
  readonly batch: number;
  readonly epochs: number;
  readonly rows: number;
  readonly width: number;
  readonly parameters: number;
  /** Hot rows of all split tables; null when no table is split. */
  readonly hotRows: number | null;
  /** Inputs and updates of the whole training, unless tests end it early. */
  readonly inputsTotal: number;
  readonly stepsTotal: number;
  /** Held by the session when training starts. */
  readonly hostBytes: number;
  readonly deviceBytes: number;
}

/** One line of `metrics.jsonl`. */
export type RunEvent = StartEvent | LoopEvent;

/** Memory of the process and of the device, at most one second old. */
export interface MemorySample {
  readonly rssBytes: number;
  readonly deviceBytes: number;
}

export interface Start {
  readonly options: TrainOptions;
  readonly planned: PlannedJob;
  readonly choice: EngineChoice;
  readonly step: number;
  readonly inputsTotal: number;
  readonly stepsTotal: number;
  readonly memory: Awaited<ReturnType<Session["memory"]>>;
}

export function startEvent(start: Start): StartEvent {
  const { options, planned, choice, memory } = start;
  const { program, plan } = planned.job;
  return {
    kind: "start",
    step: start.step,
    startedAt: new Date().toISOString(),
    fae: faeVersion,
    model: program.name,
    strategy: plan.strategy,
    routes: plan.routes,
    engine: choice.engine.name,
    machine: choice.engine.machine().description,
    data: options.data,
    optimizer: options.optimizer,
    learningRate: options.learningRate,
    batch: options.batch,
    epochs: options.epochs,
    rows: program.tables.reduce((sum, { rows }) => sum + rows, 0),
    width: program.width,
    parameters: parameterCount(program),
    hotRows: hotRows(program, plan),
    inputsTotal: start.inputsTotal,
    stepsTotal: start.stepsTotal,
    ...memory,
  };
}

function hotRows({ tables }: Program, { placements }: Plan): number | null {
  const split = tables.flatMap(({ name }) => {
    const placement = placements[name];
    return placement.on === "split" ? [placement.hotRows] : [];
  });
  return split.length === 0 ? null : split.reduce((sum, rows) => sum + rows, 0);
}

/**
 * Samples memory at most once a second and never waits: the session answers between two segments, and the newest answer counts.
 */
export function memorySampler(
  session: Pick<Session, "memory">,
  first: { readonly deviceBytes: number },
  now: () => number = () => performance.now(),
): () => MemorySample {
  let latest: MemorySample = { rssBytes: process.memoryUsage.rss(), deviceBytes: first.deviceBytes };
  let sampledAt = now();
  return () => {
    if (now() - sampledAt < 1000) return latest;
    sampledAt = now();
    latest = { ...latest, rssBytes: process.memoryUsage.rss() };
    session.memory().then(
      ({ deviceBytes }) => {
        latest = { ...latest, deviceBytes };
      },
      // The next segment fails with the first cause: that is the error to show.
      () => {},
    );
    return latest;
  };
}
