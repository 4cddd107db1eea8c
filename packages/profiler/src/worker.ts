import { parentPort } from "node:worker_threads";
import { errorToMessage } from "@fae/core";
import { startTask, type Task } from "./tasks/index.js";
import type { FromWorker } from "./threads.js";

/** Entry of a worker thread: runs the tasks it is sent, one at a time, and answers. */
const reportMilliseconds = 100;

parentPort?.on("message", (task: Task) => {
  const send = (message: FromWorker) => parentPort?.postMessage(message);
  try {
    const run = startTask(task);
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
});
