import type { Pool } from "../prepare/pool.js";
import { readRecord, writeRecord } from "../prepare/records.js";
import type { Output, TaskName, Tasks } from "../prepare/tasks.js";
import type { WorkDirectory } from "../prepare/work.js";
import type { Written } from "../prepare/written.js";
import type { Flusher } from "./flusher.js";

/** What the parts of one pack share. */
export interface PackRun {
  readonly work: WorkDirectory;
  readonly pool: Pool;
  readonly flusher: Flusher;
  /** Gets what is written, now or before an interruption. */
  readonly written: Written[];
  /** Tells of bytes that are written. */
  add(bytes: number): void;
}

/** A task with the name of its record. */
export interface Unit<N extends TaskName> {
  readonly record: string;
  readonly task: N;
  /** That it writes. */
  readonly bytes: number;
  /** Files that it writes to. */
  readonly writes: readonly string[];
  readonly input: Tasks[N]["in"];
}

/** Less than this can wait until everything is brought to the disk. */
const flushedBytes = 1024 * 1024;

/** Runs a unit that has no record yet; its result. */
export async function runUnit<N extends TaskName>(
  { work, pool, flusher, written, add }: PackRun,
  { record, task, bytes, writes, input }: Unit<N>,
): Promise<Tasks[N]["out"]> {
  let output = readRecord<Output<N>>(work.work, record);
  if (output !== null) await pool.run("checkWritten", { written: output.written });
  else {
    output = await pool.run(task, input);
    writeRecord(work.work, record, output);
    if (bytes >= flushedBytes) for (const path of writes) flusher.begin(path);
  }
  written.push(...output.written);
  add(bytes);
  return output;
}
