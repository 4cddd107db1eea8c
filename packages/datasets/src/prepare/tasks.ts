import { rawFormats } from "../raw-formats.js";
import { IntDictionary } from "./int-dictionary.js";
import { type NumberKeysOptions, numberKeys } from "./number-keys.js";
import type { PartRecord, ReadOptions } from "./part.js";
import { digestFile, type RawFile, readGzipFile, readPlainPart } from "./read-text.js";
import { type AssembleOptions, assembleBlock } from "./shuffle.js";
import { type WriteRowsOptions, writeRows } from "./write-rows.js";

/** A unit of work as plain data: it crosses to a worker thread, and its result crosses back. */
export interface Tasks {
  readonly readPart: { in: { work: string; options: ReadOptions; raw: RawFile; part: number }; out: PartRecord };
  readonly readGzip: {
    in: { work: string; options: ReadOptions; raw: RawFile; done: number };
    out: { parts: number; sha256: string };
  };
  readonly digest: { in: { raw: RawFile }; out: { sha256: string } };
  readonly numberKeys: { in: NumberKeysOptions; out: { keys: number } };
  readonly writeRows: { in: WriteRowsOptions; out: { positives: number[] } };
  readonly assemble: { in: AssembleOptions; out: Record<string, never> };
}

export type TaskName = keyof Tasks;

/** What a task tells while it runs: a finished part of a gzip file. */
export interface TaskEvent {
  readonly record: PartRecord;
  readonly bytesRead: number;
}

/** What one thread keeps between tasks. */
export interface TaskMemory {
  dictionaries: IntDictionary[];
}

type Handlers = {
  readonly [N in TaskName]: (
    input: Tasks[N]["in"],
    memory: TaskMemory,
    tell: (event: TaskEvent) => void,
  ) => Tasks[N]["out"] | Promise<Tasks[N]["out"]>;
};

function readContext(work: string, options: ReadOptions, memory: TaskMemory) {
  const format = rawFormats[options.format];
  const needed = options.ids === "dictionary" ? format.tables.length : 0;
  while (memory.dictionaries.length < needed) memory.dictionaries.push(new IntDictionary());
  return { work, format, options, dictionaries: memory.dictionaries.slice(0, needed) };
}

const handlers: Handlers = {
  readPart: ({ work, options, raw, part }, memory) => readPlainPart(readContext(work, options, memory), raw, part),
  readGzip: ({ work, options, raw, done }, memory, tell) =>
    readGzipFile(readContext(work, options, memory), raw, done, (record, bytesRead) => tell({ record, bytesRead })),
  digest: ({ raw }) => ({ sha256: digestFile(raw) }),
  numberKeys: (input) => ({ keys: numberKeys(input) }),
  writeRows: (input) => ({ positives: writeRows(input) }),
  assemble: (input) => {
    assembleBlock(input);
    return {};
  },
};

/** Runs one unit of work on the calling thread. */
export async function runTask<N extends TaskName>(
  name: N,
  input: Tasks[N]["in"],
  memory: TaskMemory,
  tell: (event: TaskEvent) => void,
): Promise<Tasks[N]["out"]> {
  return handlers[name](input, memory, tell);
}
