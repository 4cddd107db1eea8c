import { checkOptions } from "@fae/core";
import type { RowSource } from "./blocks.js";
import { judgeKinds } from "./call-kinds.js";
import { columnsOf } from "./columns.js";
import type { CountedTable } from "./count-accesses.js";
import type { HotSet } from "./hot-set.js";
import { partitionInputs, threadCount } from "./partition.js";
import type { SampleRule } from "./sample.js";
import { alwaysHot } from "./tasks/judge.js";
import { type Threads, withThreads } from "./threads.js";

export interface JudgeOptions {
  readonly source: RowSource;
  readonly tables: readonly CountedTable[];
  readonly counts: readonly Uint32Array[];
  readonly hotSet: HotSet;
  /** Judge only these inputs; null: all. */
  readonly sample?: SampleRule | null;
  /** Leave these inputs out: those that `counts` come from, when they are a sample. */
  readonly exclude?: SampleRule | null;
  readonly workers?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((inputs: number, total: number) => void) | undefined;
}

export interface Judgement {
  /** Inputs that were judged. */
  readonly inputs: number;
  /** Of these, hot under `hotSet`, ties and all. */
  readonly hot: number;
  /** Access counts of the coldest row of an input, falling, and the inputs that have it. */
  readonly counts: Float64Array;
  readonly inputsAt: Float64Array;
}

/**
 * Judges inputs against a hot set, in parallel over ranges of inputs. An input that was itself counted is no fair judge of a
 * sampled hot set: each of its rows has at least its own access. Exclude the sample then.
 */
export async function judgeInputs(options: JudgeOptions): Promise<Judgement> {
  checkOptions<JudgeOptions>("judgeInputs", options, judgeKinds);
  return withThreads(options.signal, (threads) => judgeOn(threads, options));
}

/** `judgeInputs` on threads that are there. */
export async function judgeOn(threads: Threads, options: JudgeOptions): Promise<Judgement> {
  const { source, tables, counts, hotSet, sample = null, exclude = null, workers, progress } = options;
  const columns = columnsOf(source.layout).filter(({ table }) => !hotSet.whole[table]);
  const tasks = partitionInputs(source.rows, threadCount(workers, source), 1).map((range) => ({
    kind: "judge" as const,
    source,
    tableNames: tables.map(({ name }) => name),
    columns,
    counts,
    threshold: hotSet.threshold,
    lastTie: hotSet.lastTie,
    ...range,
    sample,
    exclude,
  }));
  const results = await threads.run(tasks, (inputs) => progress?.(inputs, source.rows));
  const merged = new Map<number, number>();
  for (const { inputsAt } of results)
    for (const [count, inputs] of inputsAt) merged.set(count, (merged.get(count) ?? 0) + inputs);
  const at = Float64Array.from(merged.keys()).sort().reverse();
  return {
    inputs: results.reduce((sum, part) => sum + part.inputs, 0),
    hot: results.reduce((sum, part) => sum + part.hot, 0),
    counts: at,
    inputsAt: at.map((count) => merged.get(count) ?? 0),
  };
}

/** Share of the judged inputs that are hot when every row with at least `threshold` accesses is; 0 of no inputs. */
export function hotInputShare({ inputs, counts, inputsAt }: Judgement, threshold: number): number {
  let hot = 0;
  for (let i = 0; i < counts.length && (counts[i] >= threshold || counts[i] === alwaysHot); i++) hot += inputsAt[i];
  return inputs === 0 ? 0 : hot / inputs;
}
