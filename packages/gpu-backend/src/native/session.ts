import {
  type BatchSource,
  type Bytes,
  ConfigError,
  checkLayout,
  DisposedError,
  type Evaluation,
  elements,
  initialParameter,
  type Job,
  optimizers,
  PlanError,
  type Program,
  type Segment,
  type SegmentReport,
  type Session,
  ShapeError,
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
export async function openNativeSession(binding: NativeBinding, job: Job): Promise<Session> {
  const { json, memory } = nativeJob(job);
  for (const source of job.sources) checkLayout(job.program, source);
  const handle = await native(binding.open(json, memory));
  try {
    for (const param of job.program.params)
      await native(binding.write(handle, param.name, initialParameter(param, job.seed), null));
  } catch (error) {
    await binding.close(handle);
    throw error;
  }
  return session(binding, handle, job);
}

async function native<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw failureOf(error);
  }
}

function session(binding: NativeBinding, handle: NativeHandle, job: Job): Session {
  const sources = new Map(job.sources.map((source) => [source.name, source]));
  let closing: Promise<void> | null = null;
  // The first failure of a run or evaluation poisons the session: every later call rejects with the same error.
  let poison: unknown;

  const call = async <T>(work: () => Promise<T>, isPoisoning = false): Promise<T> => {
    if (closing) throw new DisposedError("The session is closed.", { fix: "Open a new one." });
    const result = work();
    try {
      return await result;
    } catch (error) {
      if (poison !== undefined) throw poison;
      const failure = failureOf(error);
      if (isPoisoning) poison = failure;
      throw failure;
    }
  };

  return {
    run: async (segment, learningRates) => {
      checkSegment(job, sourceOf(sources, segment.source), segment, learningRates);
      const { route, source, epoch, batches } = segment;
      const rates = Float64Array.from(learningRates);
      return segmentReport(
        batches.length,
        await call(() => binding.run(handle, { route, source, epoch, batches, learningRates: rates }), true),
      );
    },
    evaluate: async (source) => {
      const { rows } = sourceOf(sources, source);
      const { bytes, ...result } = await call(() => binding.evaluate(handle, source, rows), true);
      return { ...result, bytes: bytesOf(bytes) } satisfies Evaluation;
    },
    read: (name, rows) => call(() => binding.read(handle, name, rows ?? null)),
    write: (name, data, rows) =>
      call(() => {
        checkValues(job, name, data, rows);
        return binding.write(handle, name, data, rows ?? null);
      }),
    memory: () => call(() => binding.memory(handle)),
    [Symbol.asyncDispose]() {
      closing ??= native(binding.close(handle));
      return closing;
    },
  };
}

function sourceOf(sources: ReadonlyMap<string, BatchSource>, name: string): BatchSource {
  const source = sources.get(name);
  if (source) return source;
  throw new ConfigError(`The session has no source '${name}'.`, {
    fix: `Sources: ${[...sources.keys()].join(", ") || "none"}.`,
    details: { option: "source", found: name },
  });
}

function checkSegment({ plan, batch }: Job, source: BatchSource, segment: Segment, rates: readonly number[]): void {
  if (!plan.routes.includes(segment.route))
    throw new PlanError(`The plan has no route '${segment.route}', only ${plan.routes.join(", ")}.`, {
      fix: "Run segments of the plan's strategy.",
      details: { found: segment.route, expected: plan.routes },
    });
  if (rates.length !== segment.batches.length)
    throw new ConfigError(`There are ${rates.length} learning rates for ${segment.batches.length} batches.`, {
      fix: "Give one per batch.",
      details: { option: "learningRates", found: rates.length, expected: segment.batches.length },
    });
  const batches = Math.ceil(source.rows / batch);
  const bad = segment.batches.find((number) => number >= batches);
  if (bad !== undefined)
    throw new ConfigError(`Source '${segment.source}' has no batch ${bad}: it has ${batches}.`, {
      fix: `Use batch numbers 0..${batches - 1}.`,
      details: { option: "batches", found: bad, expected: batches },
    });
}

/** Values of a named tensor, or of `rows` of it; undefined for a name that the engine will refuse. */
function valuesOf(program: Program, optimizer: Job["optimizer"], name: string, rows?: Uint32Array): number | undefined {
  if (name === "#step") return 2;
  const [base, slotName] = name.split("#");
  const param = program.params.find((spec) => spec.name === base);
  if (param) return elements(param.shape);
  const table = program.tables.find((spec) => spec.name === base);
  const slot = optimizers[optimizer.name].rowSlots.find((candidate) => candidate.name === slotName);
  return table && (rows?.length ?? table.rows) * (slot?.perRow || program.width);
}

function checkValues({ program, optimizer }: Job, name: string, data: Float32Array, rows?: Uint32Array): void {
  const expected = valuesOf(program, optimizer, name, rows);
  if (expected !== undefined && data.length !== expected)
    throw new ShapeError(`Tensor '${name}' takes ${expected} values here, found ${data.length}.`, {
      fix: "Give every value of the tensor, or of each row in `rows`.",
      details: { tensor: name, expected, found: data.length },
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
