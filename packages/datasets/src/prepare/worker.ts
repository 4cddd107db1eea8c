import { parentPort } from "node:worker_threads";
import { errorToMessage } from "@fae/core";
import type { TaskReply, TaskRequest } from "./messages.js";
import { newTaskMemory, runTask } from "./tasks.js";

/** Entry of a worker thread: runs one task at a time and answers. */
const memory = newTaskMemory();

parentPort?.on("message", ({ name, input }: TaskRequest) => {
  const reply = (message: TaskReply) => parentPort?.postMessage(message);
  runTask(name, input, memory, (event) => reply({ kind: "event", event })).then(
    (output) => reply({ kind: "done", output }),
    (error: unknown) => reply({ kind: "failed", error: errorToMessage(error) }),
  );
});
