import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { checkpointBytes, saveCheckpoint } from "@fae/embedding-store";
import { formatBytes } from "../cli/format.js";
import { stopIfAborted } from "../cli/interrupted.js";
import { keysOf } from "../predict/model-keys.js";
import { checkpointSource } from "./checkpoint-writer.js";
import { expectRoom, freeBytes, runBytes, whenThereIsRoom } from "./disk-room.js";
import type { PlannedJob } from "./job.js";
import type { TrainOptions } from "./options.js";
import { stepsOf } from "./record-run.js";
import type { TrainReport } from "./report.js";
import type { Resumption } from "./resume.js";
import { checkpointsOf, type RunOutput } from "./run-output.js";
import type { Run } from "./train-and-test.js";
import type { TrainHooks } from "./train-hooks.js";

/** Writes model and report. A disk that is full, or a run directory that is gone, does not cost the training. */
export async function writeResult(
  { options, data, planned, session, hooks }: Run,
  output: RunOutput,
  reportOf: (name: string) => TrainReport,
): Promise<TrainReport> {
  const { job } = planned;
  const source = { ...checkpointSource({ options, data, session, job }), keys: await keysOf(data) };
  const write = async (): Promise<TrainReport> => {
    output.settle();
    const model = join(output.path(), "model");
    rmSync(model, { recursive: true, force: true }); // of a try before
    await saveCheckpoint(model, { ...source, keep: 1 });
    stopIfAborted(hooks.signal, "Training");
    return output.finish(reportOf);
  };
  return whenThereIsRoom(write, {
    path: options.run ?? ".",
    needBytes: checkpointBytes(job.program, job.optimizer.name),
    seconds: hooks.roomSeconds ?? 3600,
    otherwise:
      options.run !== null && existsSync(checkpointsOf(options.run))
        ? `Free space and go on from its last checkpoint: fae train --resume ${options.run}.`
        : "Free space and train again; with --checkpoint-every a run can be resumed.",
    signal: hooks.signal,
    log: (line) => hooks.log?.(line),
  });
}

/** @throws FaeError ERR_DISK_FULL when the disk cannot hold what the run will write */
export function checkRoom(
  options: TrainOptions,
  { job, index }: PlannedJob,
  resumption: Resumption | null,
  hooks: TrainHooks,
) {
  if (options.run === null) return;
  const steps = stepsOf(index, options) - (resumption?.checkpoint.manifest.step ?? 0);
  const bytes = runBytes(job.program, job.optimizer.name, options, steps);
  // What an unfinished run has written already is part of the bytes.
  const left = resumption === null ? bytes.least : checkpointBytes(job.program, job.optimizer.name);
  expectRoom(options.run, left, `Run ${options.run}`);
  const free = freeBytes(options.run);
  if (resumption === null && bytes.most > free)
    hooks.log?.(
      `hint: with all its checkpoints the run can take ${formatBytes(bytes.most)}, and ${formatBytes(free)} are free: lower --keep-checkpoints`,
    );
}
