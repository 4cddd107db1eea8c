import { ConfigError, checkArguments, checkOptions, DataError, is } from "@fae/core";
import type { RowSource } from "./blocks.js";
import { countKinds } from "./call-kinds.js";
import { columnsOf } from "./columns.js";
import { countLimit } from "./count-column.js";
import { idOutOfRange } from "./id-out-of-range.js";
import { partitionTables, threadCount } from "./partition.js";
import { checkRate, type SampleRule, sampledInputs } from "./sample.js";
import { stopIfAborted, type Threads, withThreads } from "./threads.js";

/** A table whose accesses are counted. */
export interface CountedTable {
  readonly name: string;
  /** N: ids are 0..N-1; -1 stands for no row. */
  readonly rows: number;
}

/**
 * Where ids come from:
 * - a `BatchSource` (the row file of a prepared data set, or the same layout in memory), read in file order;
 * - `ids`: one array per table, input after input, the same number of ids (`hotness`, default 1) for each input;
 * - an iterable over inputs, each the ids of all tables, table by table, `hotness` ids per table.
 */
export type IdStream =
  | RowSource
  | { readonly ids: readonly ArrayLike<number>[] }
  | Iterable<ArrayLike<number>>
  | AsyncIterable<ArrayLike<number>>;

export interface CountOptions {
  readonly tables: readonly CountedTable[];
  /** Ids of an input per table, for streams without a layout; default 1 each. */
  readonly hotness?: readonly number[];
  /** Count only a sample of the inputs; absent: every input. */
  readonly sample?: SampleRule | null;
  /** Threads for row files; default one per core. */
  readonly workers?: number;
  readonly signal?: AbortSignal;
  /** Inputs done, and in all (0 when that is not known). */
  readonly progress?: (inputs: number, total: number) => void;
}

/** How often each row was accessed. */
export interface AccessCounts {
  readonly tables: readonly CountedTable[];
  /** By table: accesses of each row; a count that would pass 4294967295 stays there. */
  readonly counts: readonly Uint32Array[];
  /** Inputs that were counted. */
  readonly inputs: number;
  /** Inputs of the data, counted or not. */
  readonly totalInputs: number;
  readonly sample: SampleRule | null;
}

/**
 * Counts the accesses of every row: one uint32 per row, 4 x rows bytes in all, whatever the number of inputs. Row files are
 * read once by every thread, each of which counts its own rows, so that counting needs no locks and no second copy.
 *
 * @throws DataError for an id outside its table; ConfigError for a sample rate outside (0, 100] or a table of 2^30 rows or more.
 */
export async function countAccesses(stream: IdStream, options: CountOptions): Promise<AccessCounts> {
  checkArguments("countAccesses", { stream: [stream, is.either(is.having("rows or ids"), is.list(is.any))] });
  checkOptions<CountOptions>("countAccesses", options, countKinds);
  return withThreads(options.signal, (threads) => countOn(threads, stream, options));
}

/** `countAccesses` on threads that are there. */
export async function countOn(threads: Threads, stream: IdStream, options: CountOptions): Promise<AccessCounts> {
  const { tables, sample = null } = options;
  if (sample !== null) checkRate(sample.ratePercent);
  const counts = tables.map(({ name, rows }) => {
    if (!Number.isInteger(rows) || rows < 1 || rows > mostRows)
      throw new ConfigError(`Table "${name}" has ${rows} rows; accesses are counted of 1 to ${mostRows}.`, {
        fix: "Give its ids fewer rows, as 'fae prepare --ids hash' does, or train without a profile: cpu-only, dlrm-hybrid.",
        details: { table: name, found: rows, expected: mostRows },
      });
    return new Uint32Array(new SharedArrayBuffer(4 * rows));
  });
  const done =
    "storage" in stream
      ? await countSource(threads, stream, counts, options)
      : "ids" in stream
        ? await countInputs(inputsOf(stream.ids, options), counts, options)
        : await countInputs(stream, counts, options);
  return { tables, counts, ...done, sample };
}

/** An array of 2^32 bytes or more loses its length on the way to a thread. */
const mostRows = 2 ** 30 - 1;

type Counted = Pick<AccessCounts, "inputs" | "totalInputs">;

async function countSource(
  threads: Threads,
  source: RowSource,
  counts: readonly Uint32Array[],
  { tables, sample = null, workers, progress }: CountOptions,
): Promise<Counted> {
  if (source.layout.hotness.length !== tables.length)
    throw new DataError(`The data have ${source.layout.hotness.length} tables, ${tables.length} were given.`, {
      fix: "Give the tables of this data set.",
      details: { found: tables.length, expected: source.layout.hotness.length },
    });
  const groups = partitionTables(columnsOf(source.layout), tables, source.rows, threadCount(workers, source));
  const tasks = groups.map((columns) => ({
    kind: "count" as const,
    source,
    tableNames: tables.map(({ name }) => name),
    columns,
    counts,
    sample,
  }));
  const results = await threads.run(tasks, (inputs) => progress?.(Math.floor(inputs / groups.length), source.rows));
  return { inputs: results[0]?.inputs ?? 0, totalInputs: source.rows };
}

const pauseInputs = 4096;

async function countInputs(
  inputs: Iterable<ArrayLike<number>> | AsyncIterable<ArrayLike<number>>,
  counts: readonly Uint32Array[],
  { tables, hotness = tables.map(() => 1), sample = null, signal, progress }: CountOptions,
): Promise<Counted> {
  const tableOf = hotness.flatMap((length, table) => new Array<number>(length).fill(table));
  const chosen = sample === null ? null : sampledInputs(sample, 0, Number.MAX_SAFE_INTEGER);
  const following = (): number => chosen?.next().value ?? Number.POSITIVE_INFINITY;
  let next = following();
  let counted = 0;
  let input = 0;
  for await (const ids of inputs) {
    if (chosen === null || input === next) {
      if (ids.length !== tableOf.length)
        throw new DataError(`Input ${input} has ${ids.length} ids, expected ${tableOf.length}.`, {
          fix: "Give `hotness`: the ids of an input per table; use -1 where a row is missing.",
          details: { input, found: ids.length, expected: tableOf.length },
        });
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i];
        if (id === -1) continue;
        const table = tableOf[i];
        if (!(id >= 0 && id < counts[table].length && Number.isInteger(id)))
          throw idOutOfRange(tables[table].name, tables[table].rows, { input, id });
        if (counts[table][id] < countLimit) counts[table][id]++;
      }
      counted++;
      if (chosen !== null) next = following();
    }
    input++;
    if (input % pauseInputs === 0) {
      stopIfAborted(signal);
      progress?.(input, 0);
    }
  }
  return { inputs: counted, totalInputs: input };
}

/** Inputs from one array of ids per table. */
function* inputsOf(
  ids: readonly ArrayLike<number>[],
  { tables, hotness = tables.map(() => 1) }: CountOptions,
): Generator<Int32Array> {
  const inputs = (ids[0]?.length ?? 0) / (hotness[0] ?? 1);
  ids.forEach((column, t) => {
    if (ids.length === tables.length && Number.isInteger(inputs) && column.length === inputs * hotness[t]) return;
    throw new DataError(
      `Table ${t} has ${column.length} ids, expected ${inputs * (hotness[t] ?? 1)} (${inputs} inputs), in ${tables.length} tables.`,
      {
        fix: "Give one array per table, with `hotness` ids for every input.",
        details: { table: t, found: column.length, expected: inputs * (hotness[t] ?? 1) },
      },
    );
  });
  const input = new Int32Array(hotness.reduce((sum, length) => sum + length, 0));
  for (let i = 0; i < inputs; i++) {
    let at = 0;
    for (let t = 0; t < ids.length; t++) for (let l = 0; l < hotness[t]; l++) input[at++] = ids[t][i * hotness[t] + l];
    yield input;
  }
}
