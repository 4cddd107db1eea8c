import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

/** Runs in a worker: reads random 64-byte rows of shared memory. Plain JavaScript, so that it needs no file of its own. */
const readerCode = `
const { parentPort, workerData: { memory, rows, reads, seed } } = require("node:worker_threads");
const values = new Float64Array(memory);
let state = seed | 0, sum = 0;
const read = (count) => {
  for (let i = 0; i < count; i++) {
    state = Math.imul(state, 1664525) + 1013904223 | 0;
    const at = 8 * Math.floor((state >>> 0) * rows / 4294967296);
    sum += values[at] + values[at + 1] + values[at + 2] + values[at + 3] + values[at + 4] + values[at + 5] + values[at + 6] + values[at + 7];
  }
};
read(Math.min(reads, 100000));
parentPort.once("message", () => {
  const started = performance.now();
  read(reads);
  parentPort.postMessage({ seconds: (performance.now() - started) / 1000, sum });
});
parentPort.postMessage("ready");
`;

/** What memory gives when rows are read at random: the bound of embedding look-ups. */
export interface RandomRows {
  readonly threads: number;
  readonly bytes: number;
  readonly bytesPerSecond: number;
}

const rowBytes = 64;

/**
 * Reads random 64-byte rows with one thread per core, all at once, and measures bytes per second.
 * @param bytes of memory to read from: far more than the caches
 */
export async function measureRandomRows(bytes: number, readsPerThread: number): Promise<RandomRows> {
  const threads = availableParallelism();
  const memory = new SharedArrayBuffer(bytes);
  new Uint8Array(memory).fill(1); // pages that were never written are one and the same page
  const workers = Array.from({ length: threads }, (_, seed) => {
    const workerData = { memory, rows: bytes / rowBytes, reads: readsPerThread, seed: seed + 1 };
    return new Worker(readerCode, { eval: true, workerData });
  });
  try {
    await Promise.all(workers.map((worker) => nextMessage(worker)));
    const done = workers.map((worker) => nextMessage(worker) as Promise<{ seconds: number }>);
    for (const worker of workers) worker.postMessage("go");
    const seconds = Math.max(...(await Promise.all(done)).map((answer) => answer.seconds));
    return { threads, bytes, bytesPerSecond: (threads * readsPerThread * rowBytes) / seconds };
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

const nextMessage = (worker: Worker): Promise<unknown> =>
  new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
