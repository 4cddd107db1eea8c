import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DataError, expectFile, syncPath } from "@fae/core";
import { eventScalars, tensorboardWriter } from "../tensorboard/writer.js";
import { eventsFile, type MetricsMark } from "./events-file.js";
import { writeJson } from "./run-directory.js";
import type { RunEvent } from "./run-events.js";
import { newPlace, type RunPlace, shownPlace } from "./run-place.js";

export type { MetricsMark };

/** Where a run writes. Until its first checkpoint or its end, nothing is there under its name. */
export interface RunOutput {
  /** Where files go now; another path after `publish`. @throws DataError when the run's directory is another one or gone */
  path(): string;
  append(event: RunEvent): void;
  /** Flushes the events so far. */
  mark(): MetricsMark;
  /** Shows the directory under its name, or under another one if that was taken meanwhile: from now on it stays. */
  publish(): Promise<void>;
  /** Before the model is written: where the run's directory is gone or another one now, a new one with the same events is made. */
  settle(): void;
  /**
   * Writes `report.json` last: with it the run is complete, and its checkpoints have no more use.
   * @param report of the run under the name that it gets
   */
  finish<Report extends object>(report: (run: string) => Report): Promise<Report>;
  /** Closes files; removes what was never shown. */
  close(): void;
}

const metricsFile = "metrics.jsonl";
export const checkpointsOf = (run: string): string => join(run, "checkpoints");
export const bestOf = (run: string): string => join(run, "best");

export interface OutputOptions {
  readonly tensorboard: boolean;
  log(line: string): void;
}

/** @throws ConfigError when the directory exists */
export function newOutput(run: string, options: OutputOptions): RunOutput {
  const place = newPlace(run, options.log);
  try {
    return output(place, { kept: new Uint8Array(0), step: null }, options);
  } catch (error) {
    place.discard();
    throw error;
  }
}

/** Goes on in a directory that is there: events after the kept ones are dropped. */
export const resumedOutput = (
  run: string,
  from: { readonly kept: Uint8Array; readonly step: number },
  options: OutputOptions,
): RunOutput => output(shownPlace(run, options.log), from, options);

/**
 * The events that a checkpoint has seen.
 * @throws DataError when the file does not begin with them any more
 */
export function readMarked(run: string, mark: MetricsMark): { readonly kept: Uint8Array; readonly events: RunEvent[] } {
  const path = join(run, metricsFile);
  expectFile(path);
  const kept = existsSync(path) ? readFileSync(path).subarray(0, mark.bytes) : new Uint8Array(0);
  if (createHash("sha256").update(kept).digest("hex") !== mark.sha256) {
    throw new DataError(`The first ${mark.bytes} bytes of ${path} are not those that the checkpoint has seen.`, {
      fix: "Restore the file, or train again.",
      details: { path, expected: mark },
    });
  }
  const lines = new TextDecoder().decode(kept).split("\n").slice(0, -1);
  return { kept, events: lines.map((line) => JSON.parse(line) as RunEvent) };
}

function output(
  place: RunPlace,
  { kept, step }: { readonly kept: Uint8Array; readonly step: number | null },
  { tensorboard }: OutputOptions,
): RunOutput {
  const events = eventsFile(join(place.path(), metricsFile), kept);
  const board = tensorboard ? tensorboardWriter(join(place.path(), "tensorboard"), step) : null;
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    events.close();
    board?.close();
  };
  return {
    path: place.path,
    append(event) {
      events.append(event);
      if (event.kind !== "start") board?.scalars(event.step, eventScalars(event));
    },
    mark: events.mark,
    async publish() {
      await place.show();
    },
    settle() {
      if (place.renew()) writeFileSync(join(place.path(), metricsFile), events.bytes());
    },
    async finish(report) {
      events.mark();
      const written = await place.show(async (directory, name) => {
        const made = report(name);
        const beside = join(directory, ".report.json");
        await writeJson(beside, made);
        renameSync(beside, join(directory, "report.json"));
        syncPath(directory);
        for (const part of [checkpointsOf(directory), bestOf(directory)])
          rmSync(part, { recursive: true, force: true });
        return made;
      });
      close();
      return written;
    },
    close() {
      close();
      place.discard();
    },
  };
}
