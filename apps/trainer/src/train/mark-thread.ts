import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { errorToMessage } from "@fae/core";
import type { MarkReply, MarkRequest } from "./changed-rows.js";
import { type MarkTask, openMarker, type TrainedBatches } from "./mark-rows.js";

const port = parentPort;
if (port === null) throw new TypeError("this is the code of a thread");
const marker = openMarker(workerData as MarkTask);

/** Batches of one source and epoch in one go, where several have come: the more inputs, the closer they lie in the file. */
function together(all: readonly TrainedBatches[]): TrainedBatches[] {
  const groups = new Map<string, TrainedBatches[]>();
  for (const trained of all) {
    const key = `${trained.epoch} ${trained.source}`;
    const group = groups.get(key);
    if (group) group.push(trained);
    else groups.set(key, [trained]);
  }
  return [...groups.values()].map((group) => ({
    ...group[0],
    batches: Uint32Array.from(group.flatMap(({ batches }) => [...batches])),
  }));
}

function carryOut(requests: readonly MarkRequest[]): MarkReply {
  try {
    // What was trained before everything was forgotten need not be looked at.
    const from = requests.lastIndexOf("clear");
    if (from >= 0) marker.clear();
    for (const trained of together(requests.slice(from + 1) as TrainedBatches[])) marker.mark(trained);
    return { done: requests.length };
  } catch (error) {
    return { error: errorToMessage(error) };
  }
}

port.on("message", (first: MarkRequest) => {
  const requests = [first];
  for (let more = receiveMessageOnPort(port); more; more = receiveMessageOnPort(port)) requests.push(more.message);
  port.postMessage(carryOut(requests));
});
