import { parentPort, workerData } from "node:worker_threads";
import { errorToMessage } from "@fae/core";
import type { FromWorker } from "./run-tasks.js";
import { startTask, type Task } from "./tasks/index.js";

/** Entry of a worker thread: runs the one task it was started with. */
const port = parentPort;
if (port !== null) {
  const send = (message: FromWorker) => port.postMessage(message);
  const reportMilliseconds = 100;
  try {
    const run = startTask(workerData as Task);
    let unreported = 0;
    let reported = performance.now();
    let step = run.next();
    for (; !step.done; step = run.next()) {
      unreported += step.value;
      if (performance.now() - reported < reportMilliseconds) continue;
      send({ kind: "progress", inputs: unreported });
      unreported = 0;
      reported = performance.now();
    }
    send({ kind: "progress", inputs: unreported });
    send({ kind: "done", result: step.value });
  } catch (error) {
    send({ kind: "failed", error: errorToMessage(error) });
  }
}
