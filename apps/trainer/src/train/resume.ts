import { existsSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { ConfigError, DataError, expectNoLinks, type PreparedData, processTag } from "@fae/core";
import { type Checkpoint, listCheckpoints, openCheckpoint } from "@fae/embedding-store";
import { bestCheckpoint } from "./best-model.js";
import { settle, type TrainOptions } from "./options.js";
import type { RunEvent } from "./run-events.js";
import { bestOf, checkpointsOf, readMarked } from "./run-output.js";
import { dataMark, type RateChange, type TrainingState, trainingOf } from "./training-state.js";

/** An unfinished run, found and read, nothing changed yet. */
export interface Resumption {
  readonly run: string;
  readonly checkpoint: Checkpoint;
  readonly state: TrainingState;
  /** Those of the run, and a new one if the learning rate is another from here on. */
  readonly rateChanges: readonly RateChange[];
  /** Those of the run with the changes. */
  readonly options: TrainOptions;
  readonly kept: Uint8Array;
  readonly events: readonly RunEvent[];
}

/**
 * Options that another machine or another way to place rows may need, and that leave the model as it would have been; and the
 * learning rate, which is recorded: a run that diverged goes on from a checkpoint with a lower one.
 */
const changeable: ReadonlySet<string> = new Set<keyof TrainOptions>([
  "data",
  "engine",
  "strategy",
  "budgetBytes",
  "profile",
  "lookAhead",
  "servers",
  "threads",
  "mapped",
  "tensorboard",
  "checkpointEvery",
  "fullEvery",
  "keepCheckpoints",
  "keep",
  "learningRate",
]);

/**
 * Finds where a run stopped.
 * @param path its directory, whose newest checkpoint is taken, or one of its checkpoints
 * @throws ConfigError for an option that may not change, DataError when there is no run or no checkpoint, or a damaged one: it is
 *   named with the one before it, which is taken only when it is asked for by its path
 */
export async function openResumption(path: string, changes: Partial<TrainOptions>): Promise<Resumption> {
  const { given, isOne, run } = located(path);
  if (existsSync(join(run, "report.json"))) {
    throw new ConfigError(`Run ${run} is complete: there is nothing to resume.`, {
      fix: `Start another training with --init ${join(run, "model")}.`,
      details: { path: run },
    });
  }
  expectNoLinks(run);
  const checkpoints = checkpointsOf(run);
  if (!existsSync(checkpoints)) {
    throw new DataError(existsSync(run) ? `${run} is no run that was interrupted.` : `Run ${run} does not exist.`, {
      fix: "Name a directory that 'fae train --run --checkpoint-every' wrote.",
      details: { path: run },
    });
  }
  if ((await listCheckpoints(checkpoints)).length === 0) {
    throw new DataError(`Run ${run} has no checkpoint.`, {
      fix: "Train again, with --checkpoint-every to be able to resume.",
      details: { path: checkpoints },
    });
  }
  const checkpoint = await openCheckpoint(isOne ? given : checkpoints);
  const state = trainingOf(checkpoint);
  const options = { ...changed(state.options, changes), run };
  const { best, bestStep } = state.loop.earlyStop;
  if (options.keep === "best" && best !== null) await bestCheckpoint(run, bestStep);
  const { step } = checkpoint.manifest;
  const [from, to] = [state.options.learningRate, options.learningRate];
  const rateChanges = from === to ? state.rateChanges : [...state.rateChanges, { step, from, to }];
  return { run, checkpoint, state, rateChanges, options, ...readMarked(run, state.metrics) };
}

/** A run by its directory or by one of its checkpoints. */
function located(path: string): { readonly given: string; readonly isOne: boolean; readonly run: string } {
  const given = resolve(path);
  const isOne = basename(dirname(given)) === basename(checkpointsOf("")) && /^step-\d+(\.\d+)?$/.test(basename(given));
  return { given, isOne, run: isOne ? dirname(dirname(given)) : given };
}

/** Directory of the run that a path to it or to one of its checkpoints means. */
export const runOf = (path: string): string => located(path).run;

function changed(stored: TrainOptions, changes: Partial<TrainOptions>): TrainOptions {
  for (const [name, found] of Object.entries(changes)) {
    const expected = Reflect.get(stored, name) as unknown;
    if (found === undefined || isDeepStrictEqual(found, expected)) continue;
    // Pushes that are still on their way are applied where a segment ends, which depends on the strategy.
    if (changeable.has(name) && !(name === "strategy" && stored.staleness > 0)) continue;
    throw new ConfigError(
      `The run has ${name} ${JSON.stringify(expected)}; it cannot be resumed with ${JSON.stringify(found)}.`,
      {
        fix: "Leave the option out, or start another training.",
        details: { option: name, found, expected },
      },
    );
  }
  return settle("resumeTraining", {
    ...stored,
    ...Object.fromEntries(Object.entries(changes).filter(([, v]) => v !== undefined)),
  });
}

/**
 * A strategy that trains hot and cold inputs apart goes on with the same ones: in another pack of the same log some would be
 * trained twice and some never.
 * @throws DataError
 */
export function checkClasses({ order, data: expected, options }: TrainingState, data: PreparedData): void {
  const found = dataMark(data);
  if (order.kind !== "shuffle" || isDeepStrictEqual(found, expected)) return;
  throw new DataError(`The data set has other hot inputs than the one that the run began with, ${options.data}.`, {
    fix: "Resume with that one, or pack the log again with the same profile.",
    details: { expected, found },
  });
}

/** Removes checkpoints and best models after the one that training goes on from: they belong to a past that is being written anew. */
export async function dropLater({ run, checkpoint }: Resumption): Promise<void> {
  const all = await listCheckpoints(checkpointsOf(run));
  const at = all.findIndex(({ path }) => basename(path) === basename(checkpoint.path));
  const best = await listCheckpoints(bestOf(run));
  const later = [...all.slice(at + 1), ...best.filter(({ step }) => step > checkpoint.manifest.step)];
  for (const { path } of later.reverse()) {
    // Renamed first: a half-removed checkpoint is never taken for one.
    const gone = join(dirname(path), `.old-${processTag()}.${basename(path)}`);
    renameSync(path, gone);
    rmSync(gone, { recursive: true });
  }
}
