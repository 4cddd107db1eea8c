import type { Job, PreparedData, Segment, Session } from "@fae/core";
import {
  type BaseReference,
  type ChangedRows,
  type CheckpointSource,
  checkpointBytes,
  type SavedCheckpoint,
  saveCheckpoint,
  snapshotCheckpoint,
} from "@fae/embedding-store";
import { trackChanges } from "./changed-rows.js";
import { originalIdsOf } from "./initial-weights.js";
import { identityOf, modelState } from "./model-state.js";
import type { TrainOptions } from "./options.js";
import { soundReads } from "./sound.js";

/** What is saved, of what, where to. */
export interface Saved {
  readonly options: TrainOptions;
  readonly data: PreparedData;
  readonly job: Job;
  readonly session: Session;
}

/**
 * Reading it throws DivergedError where the model is damaged: it is never saved.
 * @param more state besides what tells the model
 */
export const checkpointSource = (
  { options, data, job: { program, optimizer, tables }, session }: Saved,
  more: Record<string, unknown> = {},
): CheckpointSource => ({
  session: soundReads(session),
  program,
  optimizer,
  originalIds: originalIdsOf(tables ? { tables } : {}),
  state: { ...modelState(options, data), ...more },
  ...identityOf(data),
});

/** Writes of one run: one is under way at a time, and the run's directory is renamed only inside one. */
export interface WriteQueue {
  /** Waits until nothing is written. @throws what a write met */
  idle(): Promise<void>;
  /** @throws what a write met, without waiting */
  check(): void;
  /** Begins a write while nothing is written, and does not wait for it. */
  start(write: Promise<void>): void;
  /** Waits, and throws nothing. */
  settled(): Promise<void>;
}

export function writeQueue(): WriteQueue {
  let writing: Promise<void> = Promise.resolve();
  let failure: { readonly error: unknown } | null = null;
  const check = (): void => {
    if (failure !== null) throw failure.error;
  };
  return {
    check,
    async idle() {
      await writing;
      check();
    },
    start(write) {
      writing = write.catch((error: unknown) => {
        failure = { error };
      });
    },
    settled: () => writing,
  };
}

/** How a checkpoint was saved. */
export interface SavedHow extends Pick<SavedCheckpoint, "path" | "bytes"> {
  /** `changed`: only the rows changed since the last full one. */
  readonly holds: "all" | "changed";
  /** Seconds that training stood still for it. */
  readonly waitedSeconds: number;
  /** Seconds until it was on the disk, those included. */
  readonly seconds: number;
}

export interface Saving {
  /** Of the checkpoint, besides what tells the model. @param afterFull checkpoints of changed rows since the last full one, this one included */
  state(afterFull: number): Record<string, unknown>;
  /** Part of the write: nothing else is written meanwhile. */
  onSaved(how: SavedHow): Promise<void>;
}

/** Saves the model of a session again and again: whole, or the rows changed since the last time that it was whole. */
export interface CheckpointWriter extends AsyncDisposable {
  trained(segment: Segment): void;
  /**
   * Between two segments: waits while rows are copied, and for what is being written; not until this one is.
   * @param what in words, for a line of the log
   * @throws DivergedError for a damaged model, what an earlier write met
   */
  save(what: string, saving: Saving): Promise<void>;
}

export interface CheckpointWriterOptions extends Saved {
  /** Directory of the checkpoints, asked for each. */
  root(): string;
  /** Those to keep when one is saved. */
  readonly keep: number;
  readonly queue: WriteQueue;
  /** The full checkpoint that the first one may build on, how many did, and what changed since; null: the first one is full. */
  readonly from: { readonly base: BaseReference; readonly afterFull: number; readonly changed: ChangedRows } | null;
  readonly log: (line: string) => void;
}

/** Memory for a snapshot may be this part of what is free. */
export const snapshotShare = 0.5;

export function checkpointWriter(given: CheckpointWriterOptions): CheckpointWriter {
  const { options, job, from, keep, queue } = given;
  const fullBytes = checkpointBytes(job.program, job.optimizer.name);
  const tracker = options.fullEvery > 1 ? trackChanges(job) : null;
  for (const [table, rows] of Object.entries(from?.changed ?? {})) tracker?.add(table, rows);
  let base = from && { reference: from.base, after: from.afterFull };
  let hasToldMemory = false;

  /** Rows to save, null for all. */
  const choose = async () => {
    if (tracker === null || base === null || base.after + 1 >= options.fullEvery) return null;
    const rows = await tracker.rows();
    // A checkpoint of most rows would cost as much as a full one, and those after it too.
    return checkpointBytes(job.program, job.optimizer.name, rows) > fullBytes / 2 ? null : { base, rows };
  };

  return {
    trained: (segment) => tracker?.trained(segment),
    async save(what, { state, onSaved }) {
      const started = performance.now();
      const seconds = () => (performance.now() - started) / 1000;
      await queue.idle();
      const since = await choose();
      const afterFull = since === null ? 0 : since.base.after + 1;
      const source: CheckpointSource = {
        ...checkpointSource(given, state(afterFull)),
        ...(since && { changed: { since: since.base.reference, rows: since.rows } }),
      };
      const done = (saved: SavedCheckpoint, waitedSeconds: number): Promise<void> => {
        base = { reference: saved.base, after: afterFull };
        const holds = since ? "changed" : "all";
        return onSaved({ path: saved.path, bytes: saved.bytes, holds, waitedSeconds, seconds: seconds() });
      };
      const bytes = since ? checkpointBytes(job.program, job.optimizer.name, since.rows) : fullBytes;
      const free = process.availableMemory();
      if (bytes > snapshotShare * free) {
        if (!hasToldMemory) given.log(foregroundText(what, bytes, free));
        hasToldMemory = true;
        await done(await saveCheckpoint(given.root(), { ...source, keep }), seconds());
      } else {
        const snapshot = await snapshotCheckpoint(source);
        const waited = seconds();
        queue.start(snapshot.save(given.root(), { keep }).then((saved) => done(saved, waited)));
      }
      if (since === null) tracker?.clear();
    },
    async [Symbol.asyncDispose]() {
      await queue.settled();
      await tracker?.[Symbol.asyncDispose]();
    },
  };
}

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
const foregroundText = (what: string, bytes: number, free: number): string =>
  `${what}: training waits until it is written, since a copy of its rows takes ${gib(bytes)} of memory and ${gib(free)} are free`;
