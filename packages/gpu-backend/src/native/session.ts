import {
  type Bytes,
  ConfigError,
  checkLayout,
  checkSegment,
  DisposedError,
  type Evaluation,
  FaeError,
  initialParameter,
  type Job,
  readAccess,
  readSegment,
  readValues,
  type SegmentReport,
  type Session,
  type Stage,
  stages,
  trafficKinds,
  zeroBytes,
} from "@fae/core";
import type { NativeBinding, NativeHandle, NativeReport } from "./binding.js";
import { failureOf } from "./failure.js";
import { nativeJob } from "./job.js";

/**
 * Opens a session of a native engine. Dense parameters are drawn here and written to it.
 * @throws FaeError as the engine reports it.
 */
export async function openNativeSession(binding: NativeBinding, given: Job): Promise<Session> {
  const { job, json, memory } = nativeJob(given);
  for (const source of job.sources) checkLayout(job.program, source);
  const handle = await native(() => binding.open(json, memory));
  try {
    for (const param of job.program.params)
      await native(() => binding.write(handle, param.name, initialParameter(param, job.seed), null));
  } catch (error) {
    await binding.close(handle);
    throw error;
  }
  return session(binding, handle, job);
}

async function native<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw failureOf(error);
  }
}

/** Refused before anything was done: the session works on. */
const isRefusal = (failure: unknown) =>
  failure instanceof FaeError && (failure.code === "ERR_CONFIG" || failure.code === "ERR_SHAPE");

function session(binding: NativeBinding, handle: NativeHandle, job: Job): Session {
  let closing: Promise<void> | null = null;
  // The first failure of a run or evaluation poisons the session: every later call rejects with the same error.
  let poison: unknown;

  const call = async <T>(work: () => Promise<T>, isPoisoning = false): Promise<T> => {
    if (closing) throw new DisposedError("The session is closed.", { fix: "Open a new one." });
    try {
      return await work();
    } catch (error) {
      if (poison !== undefined) throw poison;
      const failure = failureOf(error);
      if (isPoisoning && !isRefusal(failure)) poison = failure;
      throw failure;
    }
  };

  return {
    run: async (given, rates) => {
      const { segment, learningRates } = readSegment(given, rates);
      checkSegment(job.plan, batchesOf(job, segment.source), segment, learningRates);
      const { route, source, epoch, batches } = segment;
      const owned = { route, source, epoch, batches, learningRates: Float64Array.from(learningRates) };
      return segmentReport(batches.length, await call(() => binding.run(handle, owned), true));
    },
    evaluate: async (source) => {
      const { bytes, ...result } = await call(() => binding.evaluate(handle, source), true);
      return { ...result, bytes: bytesOf(bytes) } satisfies Evaluation;
    },
    read: async (given, list) => {
      const { name, rows } = readAccess(given, list);
      return call(() => binding.read(handle, name, rows ?? null));
    },
    write: async (given, data, list) => {
      const { name, rows } = readAccess(given, list);
      const values = readValues(data);
      return call(() => binding.write(handle, name, values, rows ?? null));
    },
    memory: () => call(() => binding.memory(handle)),
    [Symbol.asyncDispose]() {
      closing ??= native(() => binding.close(handle));
      return closing;
    },
  };
}

function batchesOf({ sources, batch }: Job, name: string): number {
  const source = sources.find((candidate) => candidate.name === name);
  if (source) return Math.ceil(source.rows / batch);
  throw new ConfigError(`The session has no source '${name}'.`, {
    fix: `Sources: ${sources.map((candidate) => candidate.name).join(", ") || "none"}.`,
    details: { option: "source", found: name },
  });
}

const segmentReport = (batches: number, { seconds, bytes, ...counts }: NativeReport): SegmentReport => ({
  ...counts,
  batches,
  seconds: Object.fromEntries(stages.map((stage, i) => [stage, seconds[i]])) as Record<Stage, number>,
  bytes: bytesOf(bytes),
});

function bytesOf(flat: Float64Array): Bytes {
  const bytes = zeroBytes();
  trafficKinds.forEach((kind, i) => {
    bytes[kind].toDevice = flat[2 * i];
    bytes[kind].toHost = flat[2 * i + 1];
  });
  return bytes;
}
