import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { EngineError, errorFromMessage } from "@fae/core";
import type { TaskReply, TaskRequest } from "./messages.js";
import { newTaskMemory, type Output, runTask, type TaskEvent, type TaskName, type Tasks } from "./tasks.js";

/** Runs tasks, at most `size` (or 1) at a time. Close it. */
export interface Pool extends AsyncDisposable {
  /** Worker threads; 0 when tasks run on the calling thread. */
  readonly threads: number;
  /** Waits for a free thread and runs the task there. Rejects with the task's error, or when the pool is closed. */
  run<N extends TaskName>(name: N, input: Tasks[N]["in"], tell?: (event: TaskEvent) => void): Promise<Output<N>>;
}

/**
 * The published package has the worker's code in a file of its own beside this one. From source there is none (Node does not
 * run TypeScript everywhere), and tasks run on the calling thread: the same code, the same bytes, one after the other.
 */
const workerFile = new URL("./worker.js", import.meta.url);

export function openPool(threads: number): Pool {
  return existsSync(fileURLToPath(workerFile)) ? threadPool(threads) : callerPool();
}

function callerPool(): Pool {
  const memory = newTaskMemory();
  let last: Promise<unknown> = Promise.resolve();
  let isOpen = true;
  return {
    threads: 0,
    run(name, input, tell = () => {}) {
      const result = last.then(async () => {
        // Lets timers and signals of the calling thread run between tasks.
        await new Promise((resume) => setImmediate(resume));
        if (!isOpen) throw closed();
        return runTask(name, input, memory, tell);
      });
      last = result.catch(() => {});
      return result;
    },
    async [Symbol.asyncDispose]() {
      isOpen = false;
      await last;
    },
  };
}

function threadPool(threads: number): Pool {
  const workers: Worker[] = [];
  try {
    while (workers.length < threads) workers.push(new Worker(workerFile, { name: "fae-datasets", execArgv: [] }));
  } catch (error) {
    for (const worker of workers) void worker.terminate();
    throw error;
  }
  const free = [...workers];
  const waiting: { take: (worker: Worker) => void; refuse: (error: Error) => void }[] = [];
  let isOpen = true;

  const take = (): Promise<Worker> => {
    if (!isOpen) return Promise.reject(closed());
    const worker = free.pop();
    if (worker) return Promise.resolve(worker);
    return new Promise((resolve, reject) => waiting.push({ take: resolve, refuse: reject }));
  };
  const give = (worker: Worker) => {
    const next = waiting.shift();
    if (next) next.take(worker);
    else free.push(worker);
  };

  return {
    threads,
    async run(name, input, tell = () => {}) {
      const worker = await take();
      const output = await ask(worker, { name, input }, tell).finally(() => give(worker));
      return output as Output<typeof name>;
    },
    async [Symbol.asyncDispose]() {
      isOpen = false;
      for (const { refuse } of waiting.splice(0)) refuse(closed());
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

function ask(worker: Worker, request: TaskRequest, tell: (event: TaskEvent) => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      worker.off("message", onMessage).off("error", onError).off("exit", onExit);
      settle();
    };
    const onMessage = (reply: TaskReply) => {
      if (reply.kind === "event") {
        try {
          tell(reply.event);
        } catch (error) {
          finish(() => reject(error));
        }
      } else if (reply.kind === "done") finish(() => resolve(reply.output));
      else finish(() => reject(errorFromMessage(reply.error)));
    };
    const onError = (error: Error) => finish(() => reject(error));
    const onExit = () => finish(() => reject(closed()));
    worker.on("message", onMessage).on("error", onError).on("exit", onExit);
    worker.postMessage(request);
  });
}

const closed = (): EngineError => new EngineError("A worker thread of prepare ended before its work was done.");
