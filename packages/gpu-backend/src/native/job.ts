import { ConfigError, checkArguments, compile, dataKinds, type Job, optimizerSpec } from "@fae/core";

/** A job as native engines take it: JSON (common/job.h), and the words of its memory sources in order of appearance. */
export interface NativeJob {
  readonly json: string;
  readonly memory: readonly Uint32Array[];
}

/** @throws ShapeError for a wrong program, ConfigError for a wrong optimizer, batch, or table name. */
export function nativeJob(job: Job): NativeJob {
  checkArguments("open", { job: [job, dataKinds.job] });
  if (!Number.isSafeInteger(job.batch) || job.batch < 1)
    throw new ConfigError(`Batch size must be a positive integer, found ${job.batch}.`, {
      fix: "Use at least 1.",
      details: { option: "batch", found: job.batch },
    });
  for (const name of Object.keys(job.tables ?? {}))
    if (!job.program.tables.some((table) => table.name === name))
      throw new ConfigError(`The job starts table '${name}', which the program does not have.`, {
        fix: `Tables: ${job.program.tables.map((table) => table.name).join(", ")}.`,
        details: { option: "tables", found: name },
      });
  const memory: Uint32Array[] = [];
  const sources = job.sources.map((source) => {
    if (source.storage.kind === "file") return source;
    memory.push(source.storage.words);
    return { ...source, storage: { kind: "memory" } };
  });
  const { name, ...options } = job.optimizer;
  const json = JSON.stringify({
    ...job,
    program: compile(job.program),
    optimizer: optimizerSpec(name, options),
    seed: job.seed >>> 0,
    sources,
  });
  return { json, memory };
}
