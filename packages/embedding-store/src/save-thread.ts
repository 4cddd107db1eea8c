import { parentPort, workerData } from "node:worker_threads";
import { errorToMessage } from "@fae/core";
import { type SaveReply, type SaveTask, saveSnapshot } from "./checkpoint.js";

const reply: SaveReply = await saveSnapshot(workerData as SaveTask).then(
  (saved) => ({ saved }),
  (error: unknown) => ({ error: errorToMessage(error) }),
);
parentPort?.postMessage(reply);
