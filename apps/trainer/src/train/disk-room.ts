import { existsSync, statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { FaeError, type OptimizerName, type Program } from "@fae/core";
import { checkpointBytes } from "@fae/embedding-store";
import { formatBytes } from "../cli/format.js";
import { stopIfAborted } from "../cli/interrupted.js";
import { isDiskFull } from "./events-file.js";
import type { TrainOptions } from "./options.js";

/** Bytes that a user may still write to the disk of a path, which may not exist yet. */
export function freeBytes(path: string): number {
  let at = resolve(path);
  while (!existsSync(at)) at = dirname(at);
  const { bavail, bsize } = statfsSync(at);
  return bavail * bsize;
}

/** @throws FaeError ERR_DISK_FULL when a disk has not the bytes that something to be written there takes */
export function expectRoom(path: string, needBytes: number, what: string): void {
  const free = freeBytes(path);
  if (needBytes <= free) return;
  throw new FaeError(
    "ERR_DISK_FULL",
    `${what} takes ${formatBytes(needBytes)}, the disk of '${path}' has ${formatBytes(free)} free.`,
    { fix: "Free space, or choose a directory on another disk.", details: { path, needBytes, freeBytes: free } },
  );
}

/** What a run writes while it is at work, model included. */
export interface RunBytes {
  /** However it goes. */
  readonly least: number;
  /** When every checkpoint is full, while one is written. */
  readonly most: number;
}

/** Figures, manifests and metrics of a short run. */
const smallFiles = 2 ** 16;

/** @param steps updates that are left, unless tests end the training */
export function runBytes(
  program: Program,
  optimizer: OptimizerName,
  options: Pick<
    TrainOptions,
    "checkpointEvery" | "fullEvery" | "keepCheckpoints" | "segmentBatches" | "stopPatience" | "keep"
  >,
  steps: number,
): RunBytes {
  const { checkpointEvery, fullEvery, keepCheckpoints, segmentBatches, stopPatience, keep } = options;
  const every = checkpointEvery === 0 ? Number.POSITIVE_INFINITY : checkpointEvery;
  // One comes at the next end of a segment, and none at the end of the training.
  const sure = stopPatience === null ? Math.floor((steps - 1) / (every + segmentBatches)) : 0;
  const bases = fullEvery === 1 ? 0 : 1;
  const full = checkpointBytes(program, optimizer) + smallFiles;
  const best = keep === "best" ? 1 : 0;
  return {
    least: full * (1 + best + Math.max(0, Math.min(sure, fullEvery === 1 ? keepCheckpoints : 1))),
    most: full * (1 + 2 * best + Math.min(Math.floor((steps - 1) / every), keepCheckpoints + 1 + bases)),
  };
}

/** Seconds between looks at a full disk; and until the next try although the free bytes do not grow, as under a quota. */
const looksEvery = 1;
const triesEvery = 60;

export interface RoomOptions {
  /** Where it is written to. */
  readonly path: string;
  readonly needBytes: number;
  /** Seconds to wait for, at most. */
  readonly seconds: number;
  /** What is left when the wait is over, and what to do with it. */
  readonly otherwise: string;
  readonly signal?: AbortSignal | undefined;
  log(line: string): void;
}

/** Writes what must not be lost: where the disk is full, says so, waits for room and tries again. @throws what the last try met */
export async function whenThereIsRoom<A>(write: () => Promise<A>, options: RoomOptions): Promise<A> {
  const { path, needBytes, seconds, otherwise, signal, log } = options;
  const until = performance.now() + 1000 * seconds;
  for (let tries = 1; ; tries++) {
    try {
      return await write();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      if (performance.now() >= until) throw givenUp(path, needBytes, otherwise, error);
      if (tries === 1) log(waitingText(path, needBytes, seconds));
    }
    const next = Math.min(until, performance.now() + 1000 * triesEvery);
    do {
      stopIfAborted(signal, "Training");
      await pause(1000 * Math.min(looksEvery, seconds));
    } while (freeBytes(path) < needBytes && performance.now() < next);
  }
}

const givenUp = (path: string, needBytes: number, fix: string, cause: unknown): FaeError =>
  new FaeError(
    "ERR_DISK_FULL",
    `The disk of '${path}' stayed full: the trained model needs ${formatBytes(needBytes)}.`,
    {
      fix,
      details: { path, needBytes },
      cause,
    },
  );

const waitingText = (path: string, needBytes: number, seconds: number): string =>
  `The disk of '${path}' is full. The trained model is kept in memory: free ${formatBytes(needBytes)} there. It is tried again ` +
  `as soon as there is room, for ${Math.round(seconds)} s; Ctrl-C gives it up.`;
