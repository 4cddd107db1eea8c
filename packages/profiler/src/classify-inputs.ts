import { checkOptions, DataError } from "@fae/core";
import type { RowSource } from "./blocks.js";
import { classifyKinds } from "./call-kinds.js";
import { columnsOf } from "./columns.js";
import type { CountedTable } from "./count-accesses.js";
import { type HotSet, hotRowBits } from "./hot-set.js";
import { partitionInputs, threadCount } from "./partition.js";
import type { HotRowsOfTable } from "./tasks/classify.js";
import { withThreads } from "./threads.js";

export interface ClassifyOptions {
  readonly source: RowSource;
  readonly tables: readonly CountedTable[];
  /** Ids in popularity order: the hot rows are the ids below this, by table. Otherwise give `counts` and `hotSet`. */
  readonly hotRows?: readonly number[];
  readonly counts?: readonly Uint32Array[];
  readonly hotSet?: HotSet;
  /** Also tell which inputs are hot; default false: only how many. */
  readonly wantsBits?: boolean;
  readonly workers?: number;
  readonly signal?: AbortSignal;
  readonly progress?: (inputs: number, total: number) => void;
}

export interface Classified {
  readonly inputs: number;
  readonly hot: number;
  /** Bit i (of word i >> 5) is 1 when input i is hot; null when not wanted. */
  readonly hotBits: Uint32Array | null;
}

/**
 * Tags every input as hot (all its rows are hot) or cold, in parallel over ranges of inputs. Exact.
 * @throws DataError for an id outside its table, or without either way to tell hot rows.
 */
export async function classifyInputs(options: ClassifyOptions): Promise<Classified> {
  checkOptions<ClassifyOptions>("classifyInputs", options, classifyKinds);
  const { source, tables, workers, signal, progress, wantsBits = false } = options;
  const hotBits = wantsBits ? new Uint32Array(new SharedArrayBuffer(4 * Math.ceil(source.rows / 32))) : null;
  const shared = {
    kind: "classify" as const,
    source,
    tableNames: tables.map(({ name }) => name),
    columns: columnsOf(source.layout),
    tables: hotRowsOf(options),
    hotBits,
  };
  const tasks = partitionInputs(source.rows, threadCount(workers, source), 32).map((range) => ({
    ...shared,
    ...range,
  }));
  const results = await withThreads(signal, (threads) =>
    threads.run(tasks, (inputs) => progress?.(inputs, source.rows)),
  );
  return { inputs: source.rows, hot: results.reduce((sum, part) => sum + part.hot, 0), hotBits };
}

function hotRowsOf({ tables, hotRows, counts, hotSet }: ClassifyOptions): HotRowsOfTable[] {
  if (hotRows !== undefined) return tables.map(({ rows }, t) => ({ rows, hotRows: hotRows[t] }));
  if (counts !== undefined && hotSet !== undefined)
    return tables.map(({ rows }, t) =>
      hotSet.whole[t] ? { rows, hotRows: rows } : { rows, bits: hotRowBits(counts[t], hotSet, t) },
    );
  throw new DataError("Inputs cannot be classified: neither `hotRows` nor `counts` with `hotSet` was given.", {
    fix: "Give `hotRows` for data in popularity order, `counts` and `hotSet` for other data.",
  });
}
