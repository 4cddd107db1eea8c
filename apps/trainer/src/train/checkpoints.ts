import { basename, join } from "node:path";
import type { Job, PreparedData, Segment, Session } from "@fae/core";
import {
  type BaseReference,
  baseReference,
  type ChangedRows,
  type Checkpoint,
  type CheckpointSource,
  checkpointBytes,
  saveCheckpoint,
  snapshotCheckpoint,
} from "@fae/embedding-store";
import type { OrderState } from "@fae/scheduler";
import { trackChanges } from "./changed-rows.js";
import { originalIdsOf } from "./initial-weights.js";
import type { LoopState } from "./loop.js";
import { identityOf, modelState } from "./model-state.js";
import type { TrainOptions } from "./options.js";
import { checkpointsOf, type RunOutput } from "./run-output.js";
import { dataMark, type TrainingState, trainingJson } from "./training-state.js";

/** One checkpoint that is saved. */
export interface CheckpointEvent {
  readonly path: string;
  readonly step: number;
  readonly bytes: number;
  /** `changed`: only the rows changed since the last full one. */
  readonly holds: "all" | "changed";
  /** Seconds that training stood still for it. */
  readonly waitedSeconds: number;
  /** Seconds until it was on the disk, those included. */
  readonly seconds: number;
}

/** What is saved, of what, where to. */
export interface Saved {
  readonly options: TrainOptions;
  readonly data: PreparedData;
  readonly job: Job;
  readonly session: Session;
}

/** @param more state besides what tells the model */
export const checkpointSource = (
  { options, data, job: { program, optimizer, tables }, session }: Saved,
  more: Record<string, unknown> = {},
): CheckpointSource => ({
  session,
  program,
  optimizer,
  originalIds: originalIdsOf(tables ? { tables } : {}),
  state: { ...modelState(options, data), ...more },
  ...identityOf(data),
});

/** Full checkpoint that those of changed rows build on. */
interface Base {
  readonly reference: BaseReference;
  /** Checkpoints of changed rows since. */
  readonly after: number;
}

/** Checkpoints of a training. Disposing of it waits for the one being written, and tells nothing. */
export interface Checkpoints extends AsyncDisposable {
  trained(segment: Segment): void;
  /**
   * Between two steps of the order: saves when it is time. Training waits while rows are copied, and for the checkpoint before
   * if that is still being written; not while this one is. `tell` is awaited before: every event until now is part of it.
   * @throws what the checkpoint before met
   */
  boundary(loop: LoopState, order: OrderState, tell: () => Promise<void>): Promise<void>;
  /** Waits for the last one. @throws what it met */
  finish(): Promise<void>;
}

export interface CheckpointsOptions extends Saved {
  readonly output: RunOutput;
  /** Wall seconds of the run until now. */
  totalSeconds(): number;
  readonly resumedAt: readonly number[];
  /** Where the run goes on; null for a new one. */
  readonly from: {
    readonly checkpoint: Checkpoint;
    readonly changed: ChangedRows;
    readonly state: TrainingState;
  } | null;
  readonly onCheckpoint: (event: CheckpointEvent) => void;
  readonly log: (line: string) => void;
}

/** Memory for a snapshot may be this part of what is free. */
export const snapshotShare = 0.5;

/** @param options with `checkpointEvery` above 0 */
export function openCheckpoints(given: CheckpointsOptions): Checkpoints {
  const { options, output, data, job, from } = given;
  const { checkpointEvery, fullEvery, keepCheckpoints: keep } = options;
  const fullBytes = checkpointBytes(job.program, job.optimizer.name);
  const tracker = fullEvery > 1 ? trackChanges(job) : null;
  for (const [table, rows] of Object.entries(from?.changed ?? {})) tracker?.add(table, rows);
  let base: Base | null = from && { reference: baseReference(from.checkpoint), after: from.state.afterFull };
  let last = from?.state.loop.totals.batches ?? 0;
  let hasToldMemory = false;
  let writing: Promise<void> = Promise.resolve();
  let failure: { readonly error: unknown } | null = null;

  const finish = async (): Promise<void> => {
    await writing;
    if (failure !== null) throw failure.error;
  };

  /** Rows to save, null for all. */
  const choose = async (): Promise<{ base: Base; rows: ChangedRows } | null> => {
    if (tracker === null || base === null || base.after + 1 >= fullEvery) return null;
    const rows = await tracker.rows();
    // A checkpoint of most rows would cost as much as a full one, and those after it too.
    return checkpointBytes(job.program, job.optimizer.name, rows) > fullBytes / 2 ? null : { base, rows };
  };

  const save = async (loop: LoopState, order: OrderState): Promise<void> => {
    const started = performance.now();
    const seconds = () => (performance.now() - started) / 1000;
    await finish();
    const step = loop.totals.batches;
    last = step;
    const since = await choose();
    const afterFull = since === null ? 0 : since.base.after + 1;
    const { resumedAt } = given;
    const metrics = output.mark();
    const training = {
      options,
      data: dataMark(data),
      order,
      loop,
      metrics,
      afterFull,
      seconds: given.totalSeconds(),
      resumedAt,
    };
    const source: CheckpointSource = {
      ...checkpointSource(given, trainingJson(training)),
      ...(since && { changed: { since: since.base.reference, rows: since.rows } }),
    };
    const root = checkpointsOf(output.path());
    const told = { step, holds: since ? "changed" : "all" } as const;
    const done = (saved: Awaited<ReturnType<typeof saveCheckpoint>>, waitedSeconds: number): void => {
      base = { reference: saved.base, after: afterFull };
      output.publish();
      const path = join(checkpointsOf(output.path()), basename(saved.path));
      given.onCheckpoint({ ...told, path, bytes: saved.bytes, waitedSeconds, seconds: seconds() });
    };
    const bytes = since ? checkpointBytes(job.program, job.optimizer.name, since.rows) : fullBytes;
    const free = process.availableMemory();
    if (bytes > snapshotShare * free) {
      if (!hasToldMemory) given.log(foregroundText(step, bytes, free));
      hasToldMemory = true;
      const saved = await saveCheckpoint(root, { ...source, keep });
      done(saved, seconds());
    } else {
      const snapshot = await snapshotCheckpoint(source);
      const waited = seconds();
      writing = snapshot
        .save(root, { keep })
        .then((saved) => done(saved, waited))
        .catch((error: unknown) => {
          failure = { error };
        });
    }
    if (since === null) tracker?.clear();
  };

  return {
    trained: (segment) => tracker?.trained(segment),
    async boundary(loop, order, tell) {
      if (failure !== null) throw failure.error;
      if (loop.totals.batches - last < checkpointEvery) return;
      await tell();
      await save(loop, order);
    },
    finish,
    async [Symbol.asyncDispose]() {
      await writing;
      await tracker?.[Symbol.asyncDispose]();
    },
  };
}

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
const foregroundText = (step: number, bytes: number, free: number): string =>
  `checkpoint after batch ${step}: training waits until it is written, since a copy of its rows takes ${gib(bytes)} of memory ` +
  `and ${gib(free)} are free`;
