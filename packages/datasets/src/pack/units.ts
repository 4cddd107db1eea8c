import { type PreparedData, strideBytes } from "@fae/core";
import type { Pool } from "../prepare/pool.js";
import { readRecord, writeRecord } from "../prepare/records.js";
import type { TaskName, Tasks } from "../prepare/tasks.js";
import type { WorkDirectory } from "../prepare/work.js";
import type { Flusher } from "./flusher.js";
import type { PackOptions, PackStage } from "./options.js";

/** What the stages of one pack share. */
export interface PackRun {
  readonly work: WorkDirectory;
  readonly pool: Pool;
  readonly flusher: Flusher;
  readonly newIds: readonly Int32Array[];
  readonly orderDigest: string;
}

/** Splits whose rows get new ids. */
export const rewritten = ["train", "val", "test"] as const;

/** Rows of a split that one task rewrites. */
export interface RowUnit {
  readonly split: (typeof rewritten)[number];
  readonly path: string;
  readonly first: number;
  readonly end: number;
  readonly bytes: number;
}

const usualPartBytes = 64 * 1024 * 1024;

export function rowUnits(data: PreparedData, partBytes = usualPartBytes): RowUnit[] {
  return rewritten.flatMap((split) => unitsOf(data, split, partBytes));
}

function unitsOf(data: PreparedData, split: RowUnit["split"], partBytes: number): RowUnit[] {
  const found = data.splits[split];
  if (found === undefined) return [];
  const stride = strideBytes(data.layout);
  const step = Math.max(1, Math.floor(partBytes / stride));
  const units: RowUnit[] = [];
  for (let first = 0; first < found.rows; first += step) {
    const end = Math.min(first + step, found.rows);
    units.push({ split, path: found.path, first, end, bytes: (end - first) * stride });
  }
  return units;
}

/** A task with the name of its record. */
export interface Unit<N extends TaskName> {
  readonly record: string;
  readonly task: N;
  readonly bytes: number;
  /** Files that it writes to. */
  readonly writes: readonly string[];
  readonly input: Tasks[N]["in"];
}

/** Less than this can wait until everything is brought to the disk. */
const flushedBytes = 1024 * 1024;

/** Runs the units that have no record yet; results in their order. */
export async function runUnits<N extends TaskName>(
  { work, pool, flusher }: PackRun,
  { onProgress }: PackOptions,
  stage: PackStage,
  units: readonly Unit<N>[],
): Promise<Tasks[N]["out"][]> {
  const bytesTotal = units.reduce((sum, { bytes }) => sum + bytes, 0);
  let bytesDone = 0;
  onProgress?.({ stage, bytesDone, bytesTotal });
  return Promise.all(
    units.map(async ({ record, task, input, bytes, writes }) => {
      let output = readRecord<Tasks[N]["out"]>(work.work, record);
      if (output === null) {
        output = await pool.run(task, input);
        writeRecord(work.work, record, output);
        if (bytes >= flushedBytes) for (const path of writes) flusher.begin(path);
      }
      bytesDone += bytes;
      onProgress?.({ stage, bytesDone, bytesTotal });
      return output;
    }),
  );
}
