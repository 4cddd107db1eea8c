import { existsSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type ErrorMessage, errorFromMessage, FaeError } from "@fae/core";
import { type ResultOf, startTask, type Task } from "./tasks/index.js";

export type FromWorker =
  | { readonly kind: "progress"; readonly inputs: number }
  | { readonly kind: "done"; readonly result: unknown }
  | { readonly kind: "failed"; readonly error: ErrorMessage };

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the inputs done by all tasks together. */
  readonly progress?: ((inputs: number) => void) | undefined;
}

/** The published package has the worker's code in a file of its own beside this one; from source there is none. */
const workerFile = new URL("./worker.js", import.meta.url);
const hasWorker = existsSync(fileURLToPath(workerFile));
const sliceMilliseconds = 50;

/**
 * Runs each task on its own thread; a single task, and every task when run from source, in this thread, with
 * pauses for the event loop. Results are the same.
 *
 * @throws DataError from a task; FaeError ERR_INTERRUPTED after an abort.
 */
export async function runTasks<T extends Task>(tasks: readonly T[], options: RunOptions): Promise<ResultOf<T>[]> {
  stopIfAborted(options.signal);
  let inputs = 0;
  const add = (more: number) => {
    inputs += more;
    options.progress?.(inputs);
  };
  if (tasks.length === 1 || !hasWorker) {
    const results: ResultOf<T>[] = [];
    for (const task of tasks) results.push(await runHere(task, add, options.signal));
    return results;
  }
  const workers = tasks.map((task) => new Worker(workerFile, { workerData: task, name: "fae-profiler", execArgv: [] }));
  const stop = () => {
    for (const worker of workers) void worker.terminate();
  };
  // One listener for all workers: Node warns of a leak when a signal has more than ten.
  options.signal?.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.all(workers.map((worker) => resultOf<T>(worker, add)));
  } finally {
    options.signal?.removeEventListener("abort", stop);
    stop();
  }
}

async function runHere<T extends Task>(
  task: T,
  add: (inputs: number) => void,
  signal: AbortSignal | undefined,
): Promise<ResultOf<T>> {
  const run = startTask(task);
  let sliceStart = performance.now();
  let step = run.next();
  for (; !step.done; step = run.next()) {
    add(step.value);
    if (performance.now() - sliceStart < sliceMilliseconds) continue;
    await setImmediate();
    if (signal?.aborted) run.return({ hot: 0 });
    stopIfAborted(signal);
    sliceStart = performance.now();
  }
  return step.value as ResultOf<T>;
}

function resultOf<T extends Task>(worker: Worker, add: (inputs: number) => void): Promise<ResultOf<T>> {
  return new Promise((resolve, reject) => {
    worker.on("message", (message: FromWorker) => {
      if (message.kind === "progress") add(message.inputs);
      else if (message.kind === "done") resolve(message.result as ResultOf<T>);
      else reject(errorFromMessage(message.error));
    });
    worker.on("error", reject);
    // Settled before in every other case; then this rejection is ignored.
    worker.on("exit", () => reject(interrupted()));
  });
}

const interrupted = () => new FaeError("ERR_INTERRUPTED", "Profiling was interrupted.", { fix: "Run it again." });

export function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw interrupted();
}
