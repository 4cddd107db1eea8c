import { existsSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type ErrorMessage, errorFromMessage, FaeError } from "@fae/core";
import { type Result, type ResultOf, startTask, type Task } from "./tasks/index.js";

export type FromWorker =
  | { readonly kind: "progress"; readonly inputs: number }
  | { readonly kind: "done"; readonly result: unknown }
  | { readonly kind: "failed"; readonly error: ErrorMessage };

/** Threads that stay for one round of tasks after the other: starting them takes as long as a short log. */
export interface Threads {
  /**
   * Runs each task on its own thread; a single task, and every task when run from source, in this thread, with pauses for the
   * event loop. Results are the same.
   *
   * @param progress called with the inputs done by all tasks together.
   * @throws DataError from a task; FaeError ERR_INTERRUPTED after an abort.
   */
  run<T extends Task>(tasks: readonly T[], progress?: (inputs: number) => void): Promise<ResultOf<T>[]>;
}

/** The published package has the worker's code in a file of its own beside this one; from source there is none. */
const workerFile = new URL("./worker.js", import.meta.url);
const hasWorker = existsSync(fileURLToPath(workerFile));
const sliceMilliseconds = 50;

/** Lends threads to `use`; they end with it, or when the signal aborts. */
export async function withThreads<R>(
  signal: AbortSignal | undefined,
  use: (threads: Threads) => Promise<R>,
): Promise<R> {
  const workers: Worker[] = [];
  const stop = () => {
    for (const worker of workers) void worker.terminate();
  };
  // One listener for all workers: Node warns of a leak when a signal has more than ten.
  signal?.addEventListener("abort", stop, { once: true });
  try {
    return await use({
      async run<T extends Task>(tasks: readonly T[], progress?: (inputs: number) => void) {
        stopIfAborted(signal);
        let inputs = 0;
        const add = (more: number) => {
          inputs += more;
          progress?.(inputs);
        };
        if (tasks.length === 1 || !hasWorker) {
          const results: ResultOf<T>[] = [];
          for (const task of tasks) results.push(await runHere(task, add, signal));
          return results;
        }
        while (workers.length < tasks.length)
          workers.push(new Worker(workerFile, { name: "fae-profiler", execArgv: [] }));
        return Promise.all(tasks.map((task, i) => ask(workers[i], task, add)));
      },
    });
  } finally {
    signal?.removeEventListener("abort", stop);
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
    if (signal?.aborted) run.return({ hot: 0 } satisfies Result);
    stopIfAborted(signal);
    sliceStart = performance.now();
  }
  return step.value as ResultOf<T>;
}

function ask<T extends Task>(worker: Worker, task: T, add: (inputs: number) => void): Promise<ResultOf<T>> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      worker.off("message", onMessage).off("error", reject).off("exit", onExit);
      settle();
    };
    const onMessage = (message: FromWorker) => {
      if (message.kind === "progress") add(message.inputs);
      else if (message.kind === "done") finish(() => resolve(message.result as ResultOf<T>));
      else finish(() => reject(errorFromMessage(message.error)));
    };
    const onExit = () => reject(interrupted());
    worker.on("message", onMessage).on("error", reject).on("exit", onExit);
    worker.postMessage(task);
  });
}

const interrupted = () => new FaeError("ERR_INTERRUPTED", "Profiling was interrupted.", { fix: "Run it again." });

export function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw interrupted();
}
