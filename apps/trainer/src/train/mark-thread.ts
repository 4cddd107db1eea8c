import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { MarkReply, MarkRequest } from "./changed-rows.js";
import { type MarkTask, openMarker } from "./mark-rows.js";

const port = parentPort;
if (port === null) throw new TypeError("this is the code of a thread");
const marker = openMarker(workerData as MarkTask);

port.on("message", (first: MarkRequest) => {
  const requests = [first];
  for (let more = receiveMessageOnPort(port); more; more = receiveMessageOnPort(port)) requests.push(more.message);
  // What was trained before everything was forgotten need not be looked at.
  const from = requests.lastIndexOf("clear");
  for (const request of requests.slice(Math.max(0, from))) {
    if (request === "clear") marker.clear();
    else marker.mark(request);
  }
  port.postMessage({ done: requests.length } satisfies MarkReply);
});
