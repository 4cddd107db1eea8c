import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { referenceScript } from "../reference-script.js";
import type { Bench } from "../scenario.js";

const execute = promisify(execFile);

/** What memory gives when rows are read at random: the bound of embedding look-ups. */
export interface RandomRows {
  readonly threads: number;
  readonly bytesPerSecond: number;
  /** `C, huge pages` where a C compiler is there, otherwise `JavaScript`, which cannot ask for huge pages. */
  readonly measuredIn: string;
}

/**
 * Reads random 64-byte rows with one thread per core, all at once.
 * @param bytes of memory to read from, a power of two: far more than the caches
 */
export async function measureRandomRows(
  bench: Pick<Bench, "cacheDirectory" | "signal">,
  bytes: number,
  readsPerThread: number,
): Promise<RandomRows> {
  const threads = availableParallelism();
  const native = await inC(bench, bytes, threads, readsPerThread);
  if (native !== null) return { threads, bytesPerSecond: native, measuredIn: "C, huge pages" };
  return { threads, bytesPerSecond: await inWorkers(bytes, threads, readsPerThread), measuredIn: "JavaScript" };
}

/** Null when there is no C compiler. */
async function inC(
  { cacheDirectory, signal }: Pick<Bench, "cacheDirectory" | "signal">,
  bytes: number,
  threads: number,
  reads: number,
): Promise<number | null> {
  const program = join(cacheDirectory, `random-rows-${process.pid}`);
  try {
    await execute("cc", ["-O3", "-pthread", referenceScript("random_rows.c"), "-o", program], { signal });
  } catch {
    return null;
  }
  try {
    const { stdout } = await execute(program, [String(bytes / 2 ** 20), String(threads), String(reads)], { signal });
    return Number(stdout);
  } finally {
    await rm(program, { force: true });
  }
}

/** Runs in a worker. Plain JavaScript, so that it needs no file of its own. */
const readerCode = `
const { parentPort, workerData: { memory, rows, reads, seed } } = require("node:worker_threads");
const read = (values, count, start) => {
  const mask = rows - 1;
  let state = start | 0, sum = 0;
  for (let i = 0; i < count; i++) {
    state = Math.imul(state, 1664525) + 1013904223 | 0;
    const at = ((state >>> 4) & mask) << 3;
    sum += values[at] + values[at + 4];
  }
  return sum;
};
const values = new Float64Array(memory);
read(values, Math.min(reads, 100000), seed);
parentPort.once("message", () => {
  const started = performance.now();
  const sum = read(values, reads, seed + 1);
  parentPort.postMessage({ seconds: (performance.now() - started) / 1000, sum });
});
parentPort.postMessage("ready");
`;

async function inWorkers(bytes: number, threads: number, reads: number): Promise<number> {
  const memory = new SharedArrayBuffer(bytes);
  new Uint8Array(memory).fill(1); // pages that were never written are one and the same page
  const workers = Array.from({ length: threads }, (_, seed) => {
    const workerData = { memory, rows: bytes / 64, reads, seed: 7919 * (seed + 1) };
    return new Worker(readerCode, { eval: true, workerData });
  });
  try {
    await Promise.all(workers.map((worker) => nextMessage(worker)));
    const done = workers.map((worker) => nextMessage(worker) as Promise<{ seconds: number }>);
    for (const worker of workers) worker.postMessage("go");
    const seconds = Math.max(...(await Promise.all(done)).map((answer) => answer.seconds));
    return (threads * reads * 64) / seconds;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

const nextMessage = (worker: Worker): Promise<unknown> =>
  new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
