import { dirname } from "node:path";
import type { PrepareProgress, PrepareStage } from "./options.js";
import type { Pool } from "./pool.js";
import { readRecord, writeRecord } from "./records.js";
import type { Output, TaskName, Tasks } from "./tasks.js";
import type { Written } from "./written.js";

/** What all stages of one prepare share. */
export interface Run {
  readonly work: string;
  /** Where the files of the data set grow. */
  readonly root: string;
  readonly pool: Pool;
  readonly progress: Progress;
  /** Gets what is written to files of the data set, now or before an interruption. */
  readonly written: Written[];
}

/** A task with the name of its record, and its share of the stage's progress. */
export interface Job<N extends TaskName> {
  readonly record: string;
  readonly task: N;
  readonly input: Tasks[N]["in"];
  readonly bytes: number;
  /** Runs after the record is written: removes what is not needed again. */
  readonly after?: () => void;
}

/** Runs the jobs that have no record yet; results in job order. */
export async function runJobs<N extends TaskName>(
  run: Run,
  stage: PrepareStage,
  jobs: readonly Job<N>[],
): Promise<Tasks[N]["out"][]> {
  const records = jobs.map(({ record }) => readRecord<Output<N>>(run.work, record));
  const left = jobs.filter((_, i) => !records[i]).reduce((sum, { bytes }) => sum + bytes, 0);
  run.progress.begin(stage, left);
  return Promise.all(
    jobs.map(async ({ record, task, input, bytes, after }, i) => {
      const found = records[i];
      if (found) {
        await run.pool.run("checkWritten", { written: found.written });
        run.written.push(...ofData(run, found.written));
        after?.();
        return found;
      }
      const output = await run.pool.run(task, input);
      writeRecord(run.work, record, output);
      run.written.push(...ofData(run, output.written));
      after?.();
      run.progress.advance(bytes);
      return output;
    }),
  );
}

/** What is in the data set itself, and not needed for the work on it alone. */
const ofData = ({ work }: Run, written: readonly Written[]): readonly Written[] =>
  written.filter(({ path }) => dirname(path) !== work);

export interface Progress {
  begin(stage: PrepareStage, bytesTotal: number): void;
  advance(bytes: number): void;
  countLines(lines: number, rejected: number): void;
}

export function progressTo(onProgress: (progress: PrepareProgress) => void, workers: number): Progress {
  let stage: PrepareStage = "read";
  let started = performance.now();
  let bytesDone = 0;
  let bytesTotal = 0;
  let lines = 0;
  let rejected = 0;
  const tell = () => {
    const bytesPerSecond = bytesDone / Math.max(1e-3, (performance.now() - started) / 1000);
    const secondsLeft =
      bytesDone === 0 ? Number.POSITIVE_INFINITY : Math.max(0, bytesTotal - bytesDone) / bytesPerSecond;
    onProgress({ stage, bytesDone, bytesTotal, bytesPerSecond, secondsLeft, lines, rejected, workers });
  };
  return {
    begin(next, total) {
      stage = next;
      started = performance.now();
      bytesDone = 0;
      bytesTotal = total;
      tell();
    },
    advance(bytes) {
      bytesDone += bytes;
      tell();
    },
    countLines(more, moreRejected) {
      lines += more;
      rejected += moreRejected;
    },
  };
}
