import { parentPort, workerData } from "node:worker_threads";
import { FaeError } from "@fae/core";
import { type RelabelTask, relabel } from "./relabel.js";
import type { FromRelabelWorker } from "./run-relabel.js";

/** Entry of a worker thread: takes chunks of one split until none is left. */
const port = parentPort;
if (port !== null) {
  const send = (message: FromRelabelWorker) => port.postMessage(message);
  try {
    for (const inputs of relabel(workerData as RelabelTask)) send({ kind: "inputs", inputs });
    send({ kind: "done" });
  } catch (error) {
    send(
      error instanceof FaeError
        ? { kind: "failed", fae: true, message: error.message, details: { ...error.details } }
        : { kind: "failed", fae: false, message: String((error as Error).stack ?? error), details: {} },
    );
  }
}
