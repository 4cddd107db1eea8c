import { closeSync, ftruncateSync, openSync } from "node:fs";
import { join } from "node:path";
import type { PreparedData } from "@fae/core";
import { strideBytes } from "@fae/core";
import type { Profile } from "@fae/profiler";
import { syncPath } from "../train/run-directory.js";
import type { PackWork } from "./pack-work.js";
import { chunkInputs, type RelabelTask } from "./relabel.js";
import { runRelabel } from "./run-relabel.js";

export interface SplitsToWrite {
  readonly data: PreparedData;
  readonly profile: Profile;
  /** By table. */
  readonly newIds: readonly Uint32Array[];
  readonly work: PackWork;
  readonly workers: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((inputsDone: number, inputsTotal: number) => void) | undefined;
}

/** Hot training inputs. */
export interface HotInputs {
  readonly inputs: number;
  readonly positives: number;
}

const splits = ["train", "val", "test"] as const;
const recordMilliseconds = 5000;

/** Relabels every split, going on where an earlier call stopped. */
export async function writeSplits(given: SplitsToWrite): Promise<HotInputs> {
  const { data, work, onProgress } = given;
  const total = splits.reduce((sum, split) => sum + (data.splits[split]?.rows ?? 0), 0);
  let inputsDone = 0;
  let hot: HotInputs = { inputs: 0, positives: 0 };
  for (const split of splits) {
    const found = data.splits[split];
    if (found === undefined) continue;
    const task = openTask(given, split, found);
    const finishedBefore = Math.min(found.rows, task.next[0] * chunkInputs);
    inputsDone += finishedBefore;
    const paths = [task.output, ...(task.classes ? Object.values(task.classes) : [])];
    const record = async () => {
      const finished = finishedPrefix(task);
      for (const path of paths) syncPath(path);
      await work.record(split, {
        hotInputs: Array.from(task.hotInputs.subarray(0, finished)),
        hotPositives: Array.from(task.hotPositives.subarray(0, finished)),
      });
    };
    let recording: Promise<void> = Promise.resolve();
    const timer = setInterval(() => {
      recording = recording.then(record);
    }, recordMilliseconds);
    try {
      await runRelabel(task, {
        workers: given.workers,
        signal: given.signal,
        onInputs(inputs) {
          inputsDone += inputs;
          onProgress?.(inputsDone, total);
        },
      });
    } finally {
      clearInterval(timer);
      await recording;
      await record();
    }
    if (split === "train") hot = { inputs: sum(task.hotInputs), positives: sum(task.hotPositives) };
  }
  return hot;
}

const sum = (values: Int32Array): number => values.reduce((total, value) => total + value, 0);

/** Chunks from the first on that are written, without a gap. */
function finishedPrefix({ done }: RelabelTask): number {
  const open = done.indexOf(0);
  return open < 0 ? done.length : open;
}

function openTask(
  { data, profile, newIds, work }: SplitsToWrite,
  split: string,
  { path, rows }: { readonly path: string; readonly rows: number },
): RelabelTask {
  const chunks = Math.ceil(rows / chunkInputs);
  const before = work.done(split);
  const finished = Math.min(before.hotInputs.length, chunks);
  const task: RelabelTask = {
    layout: data.layout,
    tableNames: data.tables.map(({ name }) => name),
    rows,
    input: path,
    output: join(work.root, `${split}.rows`),
    classes: split === "train" ? { hot: join(work.root, "hot.rows"), cold: join(work.root, "cold.rows") } : null,
    newIds,
    hotRows: profile.hotSet.hotRows,
    next: shared(1),
    hotInputs: shared(chunks).fill(-1),
    hotPositives: shared(chunks),
    done: shared(chunks).fill(1, 0, finished),
  };
  task.next[0] = finished;
  task.hotInputs.set(before.hotInputs.slice(0, finished));
  task.hotPositives.set(before.hotPositives.slice(0, finished));
  // What a killed call wrote behind the recorded chunks is written again, the same bytes.
  createFile(task.output, rows * strideBytes(data.layout));
  if (task.classes) for (const file of Object.values(task.classes)) createFile(file, null);
  return task;
}

const shared = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * length));

/** Makes the file when it is not there; with a size, sets it, so that chunks can be written in any order. */
function createFile(path: string, bytes: number | null): void {
  const file = openSync(path, "a+");
  try {
    if (bytes !== null) ftruncateSync(file, bytes);
  } finally {
    closeSync(file);
  }
}
