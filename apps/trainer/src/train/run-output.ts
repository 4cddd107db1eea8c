import { createHash } from "node:crypto";
import { closeSync, existsSync, fsyncSync, ftruncateSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DataError, expectFile } from "@fae/core";
import { about } from "../cli/system-error.js";
import { eventScalars, tensorboardWriter } from "../tensorboard/writer.js";
import { openAppending, stageDirectory, syncPath, writeJson } from "./run-directory.js";
import type { RunEvent } from "./run-events.js";

/** The first bytes of a run's `metrics.jsonl`. */
export interface MetricsMark {
  readonly bytes: number;
  readonly sha256: string;
}

/** Where a run writes. Until its first checkpoint or its end, nothing is there under its name. */
export interface RunOutput {
  /** Where files go now; another path after `publish`. */
  path(): string;
  append(event: RunEvent): void;
  /** Flushes the events so far. */
  mark(): MetricsMark;
  /** Shows the directory under its name: from now on it stays. */
  publish(): void;
  /** Writes `report.json` last: with it the run is complete, and its checkpoints have no more use. */
  finish(report: object): Promise<void>;
  /** Closes files; removes what was never shown. */
  close(): void;
}

const metricsFile = "metrics.jsonl";
const checkpointsDirectory = "checkpoints";
export const checkpointsOf = (run: string): string => join(run, checkpointsDirectory);

/** @throws ConfigError when the directory exists */
export function newOutput(run: string, tensorboard: boolean): RunOutput {
  const staged = stageDirectory(run);
  let isPublished = false;
  try {
    return output({
      path: () => (isPublished ? run : staged.path),
      kept: new Uint8Array(0),
      resumedAt: null,
      tensorboard,
      publish() {
        if (!isPublished) staged.commit();
        isPublished = true;
      },
      discard: () => staged.discard(),
    });
  } catch (error) {
    staged.discard();
    throw error;
  }
}

/** Goes on in a directory that is there: events after the kept ones are dropped. */
export const resumedOutput = (
  run: string,
  { kept, step }: { readonly kept: Uint8Array; readonly step: number },
  tensorboard: boolean,
): RunOutput => output({ path: () => run, kept, resumedAt: step, tensorboard, publish() {}, discard() {} });

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

function output(at: {
  path(): string;
  readonly kept: Uint8Array;
  readonly resumedAt: number | null;
  readonly tensorboard: boolean;
  publish(): void;
  discard(): void;
}): RunOutput {
  const events = join(at.path(), metricsFile);
  const file = openAppending(events);
  ftruncateSync(file, at.kept.length);
  const board = at.tensorboard ? tensorboardWriter(join(at.path(), "tensorboard"), at.resumedAt) : null;
  const hash = createHash("sha256").update(at.kept);
  let bytes = at.kept.length;
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    about(events, () => fsyncSync(file));
    closeSync(file);
    board?.close();
  };
  return {
    path: at.path,
    append(event) {
      const line = Buffer.from(`${JSON.stringify(event)}\n`);
      about(events, () => {
        for (let done = 0; done < line.length; ) done += writeSync(file, line, done);
      });
      hash.update(line);
      bytes += line.length;
      if (event.kind !== "start") board?.scalars(event.step, eventScalars(event));
    },
    mark() {
      about(events, () => fsyncSync(file));
      return { bytes, sha256: hash.copy().digest("hex") };
    },
    publish: at.publish,
    async finish(report) {
      close();
      const beside = join(at.path(), ".report.json");
      await writeJson(beside, report);
      renameSync(beside, join(at.path(), "report.json"));
      syncPath(at.path());
      rmSync(checkpointsOf(at.path()), { recursive: true, force: true });
      at.publish();
    },
    close() {
      close();
      at.discard();
    },
  };
}
