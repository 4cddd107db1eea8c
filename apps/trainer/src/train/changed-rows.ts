import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { type BatchSource, type ErrorMessage, errorFromMessage, type Job } from "@fae/core";
import type { ChangedRows } from "@fae/embedding-store";
import { type MarkedSource, type MarkTask, openMarker, type TrainedBatches } from "./mark-rows.js";

export type MarkRequest = TrainedBatches | "clear";
/** Requests carried out, or what failed. */
export type MarkReply = { readonly done: number } | { readonly error: ErrorMessage };

/** Knows which rows may have changed since it was cleared: those of the batches trained since. Close it. */
export interface ChangeTracker extends AsyncDisposable {
  /** Tells it of batches as they are trained. */
  trained(batches: TrainedBatches): void;
  /** Rows that differ from the start; before it is told of batches. */
  add(table: string, rows: Uint32Array): void;
  /** Starts anew: nothing has changed. */
  clear(): void;
  /** All rows that may have changed, ascending. Waits until everything it was told of is marked. */
  rows(): Promise<ChangedRows>;
}

/**
 * The published package has the thread's code in a file of its own beside this one. From source there is none, and rows are
 * marked by the calling thread.
 */
const threadFile = new URL("./mark-thread.js", import.meta.url);

/** Follows a training: rows are marked on a thread of their own, from the files that the engine reads too. */
export function trackChanges({ program, sources, batch }: Job): ChangeTracker {
  const bits = program.tables.map(({ rows }) => new Uint32Array(new SharedArrayBuffer(4 * Math.ceil(rows / 32))));
  const task: MarkTask = { sources: Object.fromEntries(sources.flatMap(markedSource)), batch, bits };
  const marks = existsSync(threadFile) ? onThread(task) : onCaller(task);
  return {
    trained: ({ source, epoch, batches }) => marks.send({ source, epoch, batches: batches.slice() }),
    clear: () => marks.send("clear"),
    add(table, rows) {
      const own = bits[program.tables.findIndex(({ name }) => name === table)];
      for (let i = 0; i < rows.length; i++) own[rows[i] >>> 5] |= 1 << (rows[i] & 31);
    },
    async rows() {
      await marks.settled();
      return Object.fromEntries(program.tables.map(({ name }, t) => [name, marked(bits[t])]));
    },
    [Symbol.asyncDispose]: () => marks.close(),
  };
}

/** Sources in memory are those of tests: nothing is trained on them. */
const markedSource = ({ name, storage, rows, layout, shuffleSeed }: BatchSource): [string, MarkedSource][] =>
  storage.kind === "file" ? [[name, { path: storage.path, rows, layout, shuffleSeed }]] : [];

function marked(bits: Uint32Array): Uint32Array {
  let count = 0;
  for (let word of bits) for (; word !== 0; word &= word - 1) count++;
  const rows = new Uint32Array(count);
  let at = 0;
  for (let w = 0; w < bits.length; w++) {
    for (let word = bits[w]; word !== 0; word &= word - 1) rows[at++] = 32 * w + 31 - Math.clz32(word & -word);
  }
  return rows;
}

interface Marks {
  send(request: MarkRequest): void;
  settled(): Promise<void>;
  close(): Promise<void>;
}

function onCaller(task: MarkTask): Marks {
  const marker = openMarker(task);
  let failure: unknown;
  return {
    send(request) {
      try {
        if (request === "clear") marker.clear();
        else marker.mark(request);
      } catch (error) {
        failure ??= error;
      }
    },
    async settled() {
      if (failure !== undefined) throw failure;
    },
    async close() {
      marker.close();
    },
  };
}

function onThread(task: MarkTask): Marks {
  const thread = new Worker(threadFile, { name: "fae-changed-rows", workerData: task, execArgv: [] });
  let open = 0;
  let failure: Error | null = null;
  let wake = (): void => {};
  const failed = (error: Error) => {
    failure ??= error;
    wake();
  };
  thread.on("message", (reply: MarkReply) => {
    if ("error" in reply) return failed(errorFromMessage(reply.error));
    open -= reply.done;
    wake();
  });
  thread.on("error", failed);
  thread.on("exit", (code) => failed(new Error(`The thread that marks changed rows ended with ${code}.`)));
  return {
    send(request) {
      open++;
      thread.postMessage(request);
    },
    async settled() {
      while (open > 0 && failure === null) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (failure !== null) throw failure;
    },
    async close() {
      await thread.terminate();
    },
  };
}
