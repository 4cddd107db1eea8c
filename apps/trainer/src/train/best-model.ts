import { DataError, type Segment } from "@fae/core";
import {
  type Checkpoint,
  keepCheckpoints,
  listCheckpoints,
  openCheckpoint,
  restoreCheckpoint,
} from "@fae/embedding-store";
import { checkpointWriter, type Saved, type WriteQueue } from "./checkpoint-writer.js";
import { originalIdsOf } from "./initial-weights.js";
import { digestBeforePacking } from "./model-state.js";
import { bestOf, checkpointsOf, type RunOutput } from "./run-output.js";
import { trainingOf } from "./training-state.js";

/**
 * The model of the best test of a training, on disk in the run's `best` until the run is complete: whole, then the rows changed
 * since. With checkpoints the best models that these know of stay too, so that a run can be resumed from each.
 */
export interface BestModel extends AsyncDisposable {
  trained(segment: Segment): void;
  /** Between two segments: the session has the best model so far. @throws DivergedError when it is damaged */
  take(step: number): Promise<void>;
  /** Removes those that neither a checkpoint nor this training has a use for. */
  prune(): Promise<void>;
  /** Writes the best model into the session, unless that has it. @returns its step */
  restore(step: number): Promise<number>;
}

export interface BestModelOptions extends Saved {
  readonly output: RunOutput;
  readonly queue: WriteQueue;
  /** Step of the best test so far; null before the first one. */
  readonly bestStep: number | null;
  readonly log: (line: string) => void;
}

export function openBestModel(given: BestModelOptions): BestModel {
  const { options, data, session, job, output, queue } = given;
  const hasCheckpoints = options.checkpointEvery > 0;
  const root = (): string => bestOf(output.path());
  const writer = checkpointWriter({
    ...given,
    root,
    keep: hasCheckpoints ? Number.MAX_SAFE_INTEGER : 1,
    from: null,
  });
  let best = given.bestStep;
  return {
    trained: (segment) => writer.trained(segment),
    async take(step) {
      await writer.save(`best model, after batch ${step}`, { state: () => ({}), onSaved: async () => {} });
      best = step;
    },
    async prune() {
      const used = new Set([best, ...(await bestSteps(output.path()))]);
      await keepCheckpoints(root(), (step) => used.has(step));
    },
    async restore(step) {
      await queue.idle();
      if (best === null || best === step) return step;
      await restoreCheckpoint(await bestCheckpoint(output.path(), best), {
        session,
        program: job.program,
        optimizer: job.optimizer,
        originalIds: originalIdsOf(job),
        data: digestBeforePacking(data),
      });
      return best;
    },
    [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
  };
}

/** Steps of the best tests that the checkpoints of a run have seen. */
async function bestSteps(run: string): Promise<(number | null)[]> {
  const all = await listCheckpoints(checkpointsOf(run));
  return Promise.all(
    all.map(async ({ path }) => {
      const { best, bestStep } = trainingOf(await openCheckpoint(path)).loop.earlyStop;
      return best === null ? null : bestStep;
    }),
  );
}

/** @throws DataError when it is not there */
export async function bestCheckpoint(run: string, step: number): Promise<Checkpoint> {
  const found = (await listCheckpoints(bestOf(run))).findLast((entry) => entry.step === step);
  if (found !== undefined) return openCheckpoint(found.path);
  throw new DataError(`The model of the best test, of step ${step}, is not in ${bestOf(run)}.`, {
    fix: "Put it back, or resume with --keep last, which takes the last weights in place of the best.",
    details: { path: bestOf(run), step },
  });
}
