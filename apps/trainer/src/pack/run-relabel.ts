import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { DataError } from "@fae/core";
import { interrupted } from "../cli/interrupted.js";
import { type RelabelTask, relabel } from "./relabel.js";

export type FromRelabelWorker =
  | { readonly kind: "inputs"; readonly inputs: number }
  | { readonly kind: "done" }
  | {
      readonly kind: "failed";
      readonly fae: boolean;
      readonly message: string;
      readonly details: Record<string, unknown>;
    };

export interface RelabelOptions {
  readonly workers: number;
  readonly signal?: AbortSignal | undefined;
  readonly onInputs: (inputs: number) => void;
}

const isSource = import.meta.url.endsWith(".ts");
const sliceMilliseconds = 50;

/**
 * Relabels one split on several threads; on this one, with pauses for the event loop, when run from TypeScript source or
 * with a single worker. The bytes are the same.
 * @throws DataError for broken data, FaeError ERR_INTERRUPTED
 */
export async function runRelabel(task: RelabelTask, options: RelabelOptions): Promise<void> {
  if (isSource || options.workers <= 1) return runHere(task, options);
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const threads = Array.from({ length: options.workers }, () => runInThread(task, signal, options.onInputs));
  try {
    await Promise.all(threads);
  } finally {
    // One thread's failure leaves the others waiting for its chunk.
    stop.abort();
    await Promise.allSettled(threads);
  }
}

async function runHere(task: RelabelTask, { signal, onInputs }: RelabelOptions): Promise<void> {
  let sliceStart = performance.now();
  for (const inputs of relabel(task)) {
    onInputs(inputs);
    if (performance.now() - sliceStart < sliceMilliseconds) continue;
    await setImmediate();
    if (signal?.aborted) throw interrupted("Packing");
    sliceStart = performance.now();
  }
}

function runInThread(task: RelabelTask, signal: AbortSignal, onInputs: (inputs: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./pack-worker.js", import.meta.url), { workerData: task, name: "fae-pack" });
    const stop = () => void worker.terminate();
    signal.addEventListener("abort", stop, { once: true });
    worker.on("message", (message: FromRelabelWorker) => {
      if (message.kind === "inputs") onInputs(message.inputs);
      else if (message.kind === "done") resolve();
      else
        reject(message.fae ? new DataError(message.message, { details: message.details }) : new Error(message.message));
    });
    worker.on("error", reject);
    worker.on("exit", () => {
      signal.removeEventListener("abort", stop);
      // Settled before in every other case; then this rejection is ignored.
      reject(interrupted("Packing"));
    });
  });
}
