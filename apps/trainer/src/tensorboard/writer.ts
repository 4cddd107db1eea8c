import { closeSync, fsyncSync, mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { checkArguments, is, naming, writeFully } from "@fae/core";
import type { LoopEvent } from "../train/loop.js";
import { openAppending } from "../train/run-directory.js";
import { record, restartEvent, scalarEvent, versionEvent } from "./event.js";

/** An event file that TensorBoard can follow while it grows. */
export interface TensorboardWriter {
  readonly path: string;
  /** Writes values of one step, each under its tag, as in `train/loss`. */
  scalars(step: number, values: Readonly<Record<string, number>>): void;
  close(): void;
}

/**
 * Starts a new event file in a directory, which is made. A resumed run starts another one: TensorBoard joins files of a
 * directory, and drops what the others say of steps after `resumedAt`.
 * @param now milliseconds since 1970; tests pass their own
 */
export function tensorboardWriter(
  directory: string,
  resumedAt: number | null = null,
  now: () => number = Date.now,
): TensorboardWriter {
  checkArguments("tensorboardWriter", {
    directory: [directory, is.text],
    resumedAt: [resumedAt, is.orNull(is.whole())],
    now: [now, is.call],
  });
  mkdirSync(directory, { recursive: true });
  const started = now();
  // The name that TensorBoard looks for; files are read in the order of their names.
  const path = join(directory, `events.out.tfevents.${Math.floor(started / 1000)}.${hostname()}.${process.pid}`);
  const file = openAppending(path);
  const write = (data: Uint8Array): void => writeFully(file, record(data), path);
  write(versionEvent(started / 1000));
  if (resumedAt !== null) write(restartEvent(started / 1000, resumedAt + 1));
  return {
    path,
    scalars: (step, scalars) => write(scalarEvent({ wallTime: now() / 1000, step, scalars })),
    close() {
      naming(path, () => fsyncSync(file));
      closeSync(file);
    },
  };
}

/** What an event of training shows on the board: metrics that are undefined are left out. */
export function eventScalars(event: LoopEvent): Record<string, number> {
  if (event.kind === "segment")
    return {
      "train/loss": event.loss,
      "train/learning_rate": event.learningRate,
      "train/inputs_per_second": event.seconds > 0 ? event.inputs / event.seconds : 0,
      "train/embedding_bytes_per_batch": event.embeddingBytes / event.batches,
      [`route/${event.route}_batches`]: event.batches,
    };
  const { inputs: _, ...metrics } = event.metrics;
  return Object.fromEntries(
    Object.entries(metrics).flatMap(([name, value]) => (value === null ? [] : [[`test/${snake(name)}`, value]])),
  );
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
