import { compile, type Job, readJob, residencyOf } from "@fae/core";

/** A job as native engines take it. */
export interface NativeJob {
  /** What was checked and copied: it stays as it is when the caller's job changes. */
  readonly job: Job;
  /** JSON for common/job.h. */
  readonly json: string;
  /** The words of memory sources in order of appearance, as the caller gave them. */
  readonly memory: readonly Uint32Array[];
}

/** @throws ConfigError for a value of a wrong type or out of range, ShapeError for a wrong program, PlanError for a wrong plan. */
export function nativeJob(given: Job): NativeJob {
  const job = readJob(given);
  const program = compile(job.program);
  residencyOf(job.program, job.plan);
  const memory: Uint32Array[] = [];
  const sources = job.sources.map((source) => {
    if (source.storage.kind === "file") return source;
    memory.push(source.storage.words);
    return { ...source, storage: { kind: "memory" } };
  });
  return { job, json: JSON.stringify({ ...job, program, sources }), memory };
}
