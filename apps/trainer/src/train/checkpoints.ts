import { basename, join } from "node:path";
import type { Segment } from "@fae/core";
import { baseReference, type ChangedRows, type Checkpoint } from "@fae/embedding-store";
import type { OrderState } from "@fae/scheduler";
import { checkpointWriter, type Saved, type SavedHow, type WriteQueue } from "./checkpoint-writer.js";
import type { LoopState } from "./loop.js";
import { checkpointsOf, type RunOutput } from "./run-output.js";
import { dataMark, type RateChange, type TrainingState, trainingJson } from "./training-state.js";

/** One checkpoint that is saved. */
export interface CheckpointEvent extends SavedHow {
  readonly step: number;
}

/** Checkpoints of a training. Disposing of it waits for the one being written, and tells nothing. */
export interface Checkpoints extends AsyncDisposable {
  trained(segment: Segment): void;
  /**
   * Between two steps of the order: saves when it is time. Training waits while rows are copied, and for the checkpoint before
   * if that is still being written; not while this one is. `tell` is awaited before: every event until now is part of it.
   * @throws DivergedError when the model is damaged, what the checkpoint before met
   */
  boundary(loop: LoopState, order: OrderState, tell: () => Promise<void>): Promise<void>;
}

export interface CheckpointsOptions extends Saved {
  readonly output: RunOutput;
  readonly queue: WriteQueue;
  /** Wall seconds of the run until now. */
  totalSeconds(): number;
  readonly resumedAt: readonly number[];
  readonly rateChanges: readonly RateChange[];
  /** Where the run goes on; null for a new one. */
  readonly from: {
    readonly checkpoint: Checkpoint;
    readonly changed: ChangedRows;
    readonly state: TrainingState;
  } | null;
  readonly onCheckpoint: (event: CheckpointEvent) => void;
  /** Awaited when one is saved and older ones are gone, as part of the write. */
  readonly afterSave: () => Promise<void>;
  readonly log: (line: string) => void;
}

/** @param options with `checkpointEvery` above 0 */
export function openCheckpoints(given: CheckpointsOptions): Checkpoints {
  const { options, output, data, from, queue } = given;
  const writer = checkpointWriter({
    ...given,
    root: () => checkpointsOf(output.path()),
    keep: options.keepCheckpoints,
    from: from && {
      base: baseReference(from.checkpoint),
      afterFull: from.state.afterFull,
      changed: from.changed,
    },
  });
  let last = from?.state.loop.totals.batches ?? 0;

  const save = async (loop: LoopState, order: OrderState): Promise<void> => {
    const step = loop.totals.batches;
    last = step;
    await queue.idle();
    const { resumedAt, rateChanges } = given;
    const seconds = given.totalSeconds();
    const state = {
      options,
      data: dataMark(data),
      order,
      loop,
      metrics: output.mark(),
      seconds,
      resumedAt,
      rateChanges,
    };
    await writer.save(`checkpoint after batch ${step}`, {
      state: (afterFull) => trainingJson({ ...state, afterFull }),
      async onSaved(how) {
        await output.publish();
        await given.afterSave();
        const path = join(checkpointsOf(output.path()), basename(how.path));
        given.onCheckpoint({ ...how, path, step });
      },
    });
  };

  return {
    trained: (segment) => writer.trained(segment),
    async boundary(loop, order, tell) {
      queue.check();
      if (loop.totals.batches - last < options.checkpointEvery) return;
      await tell();
      await save(loop, order);
    },
    [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
  };
}
