import type { BatchSource } from "../batch.js";
import { type CompiledProgram, compile } from "../compile.js";
import type { Bytes, Evaluation, Job, SegmentReport, Session } from "../engine.js";
import { ConfigError, DisposedError, UnsupportedError } from "../errors.js";
import { crossEntropy, score } from "../loss.js";
import type { Network } from "../network.js";
import type { Numbers } from "../ops/types.js";
import type { OptimizerSpec } from "../optimizers/types.js";
import type { Segment } from "../plan.js";
import { readAccess, readJob, readSegment, readValues } from "../read-job.js";
import { residencyOf } from "../residency.js";
import { openRows, type RowReader } from "../rows.js";
import { arenaBytes, type NumbersType } from "./arena.js";
import { checkLayout, checkSegment } from "./checks.js";
import { evaluationRoute, routes } from "./index.js";
import { newRuntime } from "./memory.js";
import { type Meter, newMeter } from "./meter.js";
import type { Faults, Runtime } from "./runtime.js";
import { readTensor, writeTensor } from "./tensors.js";

/** What an engine in JavaScript brings: a dense network and the numbers that it and the tables use. */
export interface RouteEngine {
  readonly name: string;
  readonly numbers: NumbersType;
  /** Starts from `initialParameter`; `batch` is the largest number of inputs per call. */
  network(
    compiled: CompiledProgram,
    options: { readonly optimizer: OptimizerSpec; readonly batch: number; readonly seed: number; readonly job: Job },
  ): Promise<Network>;
}

export interface RouteSession extends Session {
  /** As `read`, in the engine's own numbers. */
  numbers(name: string, rows?: Uint32Array): Promise<Numbers>;
}

/**
 * Opens a session that runs all six routes in JavaScript over an engine's network. Host and device are separate arenas of
 * typed arrays, and every copy between them is made and counted.
 * @throws ShapeError, PlanError, ConfigError, DataError, UnsupportedError, OutOfMemoryError
 */
export const openRouteSession = (engine: RouteEngine, job: Job): Promise<RouteSession> => openFaulty(engine, job, {});

/** The same with deliberate breaks, for tests. */
export async function openFaulty(engine: RouteEngine, given: Job, faults: Faults): Promise<RouteSession> {
  const job = readJob(given);
  const { optimizer } = job;
  const compiled = compile(job.program);
  residencyOf(job.program, job.plan);
  refuseMappedTables(engine, job);
  const readers = new Map<string, RowReader>();
  try {
    for (const source of job.sources) readers.set(source.name, openSource(job, source));
    const network = await engine.network(compiled, { optimizer, batch: job.batch, seed: job.seed, job });
    try {
      const runtime = await newRuntime(compiled, { ...job, optimizer }, { numbers: engine.numbers, network, faults });
      return newSession(runtime, readers);
    } catch (error) {
      await network.close();
      throw error;
    }
  } catch (error) {
    for (const reader of readers.values()) reader.close();
    throw error;
  }
}

function refuseMappedTables(engine: RouteEngine, job: Job): void {
  for (const [table, { mappedPath: path }] of Object.entries(job.tables ?? {}))
    if (path !== undefined)
      throw new UnsupportedError(`Engine '${engine.name}' cannot keep table '${table}' in the file '${path}'.`, {
        fix: "Leave out mappedPath or use the cpu engine.",
        details: { table, path },
      });
}

function openSource(job: Job, source: BatchSource): RowReader {
  checkLayout(job.program, source);
  const { storage } = source;
  const owned =
    storage.kind === "memory" ? { ...source, storage: { ...storage, words: storage.words.slice() } } : source;
  return openRows(owned, { batch: job.batch, tables: job.program.tables });
}

function newSession(runtime: Runtime, readers: ReadonlyMap<string, RowReader>): RouteSession {
  let tail: Promise<unknown> = Promise.resolve();
  let failure: unknown;
  let closing: Promise<void> | null = null;
  // Copies made by a write between segments are part of the next report.
  let pending = newMeter();
  const takePending = (): Meter => {
    const meter = pending;
    pending = newMeter();
    return meter;
  };

  const queue = <R>(work: () => Promise<R>): Promise<R> => {
    if (closing) return Promise.reject(new DisposedError("The session is closed.", { fix: "Open a new one." }));
    const result = tail.then(() => {
      if (failure !== undefined) throw failure;
      return work();
    });
    tail = result.catch(() => {});
    return result;
  };
  const poisoning = async <R>(work: () => Promise<R>): Promise<R> => {
    try {
      return await work();
    } catch (error) {
      failure = error;
      throw error;
    }
  };
  const readerOf = (source: string): RowReader => {
    const reader = readers.get(source);
    if (reader) return reader;
    throw new ConfigError(`The session has no source '${source}'.`, {
      fix: `Sources: ${[...readers.keys()].join(", ") || "none"}.`,
      details: { option: "source", found: source },
    });
  };

  const run = async (segment: Segment, learningRates: readonly number[]): Promise<SegmentReport> => {
    const reader = readerOf(segment.source);
    checkSegment(runtime.plan, reader.batches, segment, learningRates);
    return poisoning(async () => {
      const start = performance.now();
      const meter = takePending();
      const losses = new Float64Array(segment.batches.length);
      let inputs = 0;
      const read = (number: number) => {
        const from = performance.now();
        const batch = reader.read(number, segment.epoch);
        meter.seconds.read += (performance.now() - from) / 1000;
        inputs += batch.inputs;
        return batch;
      };
      const { batches } = segment;
      const { layout } = reader.source;
      await routes[segment.route].train({ runtime, layout, read, batches, learningRates, losses, meter });
      return { batches: batches.length, inputs, losses, totalSeconds: secondsSince(start), ...meter };
    });
  };

  const evaluate = (reader: RowReader): Promise<Evaluation> =>
    poisoning(async () => {
      const start = performance.now();
      const meter = takePending();
      const { rows, layout } = reader.source;
      const scores = new Float32Array(rows);
      const labels = new Uint8Array(rows);
      let loss = 0;
      let at = 0;
      await routes[evaluationRoute[runtime.residency.regime]].evaluate({
        runtime,
        layout,
        read: (number) => reader.read(number, null),
        batches: reader.batches,
        meter,
        sink(batch, logits) {
          labels.set(batch.labels, at);
          for (let i = 0; i < batch.inputs; i++) {
            scores[at + i] = score(logits[i]);
            loss += crossEntropy(logits[i], batch.labels[i]);
          }
          at += batch.inputs;
        },
      });
      const bytes: Bytes = meter.bytes;
      return { inputs: rows, loss: loss / rows, scores, labels, seconds: secondsSince(start), bytes };
    });

  const close = async () => {
    await tail;
    for (const reader of readers.values()) reader.close();
    await runtime.network.close();
  };

  return {
    async run(given, rates) {
      const { segment, learningRates } = readSegment(given, rates);
      return queue(() => run(segment, learningRates));
    },
    evaluate: (source) => queue(async () => evaluate(readerOf(source))),
    async numbers(name, rows) {
      const access = readAccess(name, rows);
      return queue(() => readTensor(runtime, access.name, access.rows));
    },
    async read(name, rows) {
      const access = readAccess(name, rows);
      return queue(async () => Float32Array.from(await readTensor(runtime, access.name, access.rows)));
    },
    async write(name, data, rows) {
      const access = readAccess(name, rows);
      const owned = readValues(data).slice();
      return queue(() => writeTensor(runtime, pending, access.name, owned, access.rows));
    },
    memory: () => queue(async () => memoryOf(runtime)),
    [Symbol.asyncDispose]() {
      closing ??= close();
      return closing;
    },
  };
}

const secondsSince = (start: number): number => (performance.now() - start) / 1000;

function memoryOf({ residency, host, device, network, servers }: Runtime) {
  const parameters = [...(servers?.values() ?? [])].reduce((sum, values) => sum + values.byteLength, 0);
  const isOnHost = residency.regime === "host";
  return {
    hostBytes: arenaBytes(host) + parameters + (isOnHost ? network.bytes() : 0),
    deviceBytes: arenaBytes(device) + (isOnHost ? 0 : network.bytes()),
  };
}
