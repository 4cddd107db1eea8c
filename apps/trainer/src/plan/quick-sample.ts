import { openRows, type PreparedData } from "@fae/core";
import { toBatchSource } from "@fae/datasets";
import { type BudgetOptions, chooseHotSet, countOfCounts, type HotSet, hotRowBits } from "@fae/profiler";
import { stopIfAborted } from "../cli/interrupted.js";

/** Inputs that are counted, and as many that are judged: rows that make a batch hot or not are in them hundreds of times. */
const sampledInputs = 200_000;
/** Inputs that are read at once: the sample is made of such stretches, evenly spread over the log. */
const stretch = 500;

export interface SampledHotSet {
  readonly hotSet: HotSet;
  /** Share of the judged inputs all of whose rows are hot. */
  readonly inputShare: number;
  isHot(table: number, id: number): boolean;
}

/**
 * A hot set from a sample of the training inputs. Only rows that the sample names are looked at: time and memory are the same
 * whatever the rows of the tables. A log that is no larger than the sample is counted whole.
 * @throws PlanError when the budget is too small for any hot set, DataError for an id outside its table
 */
export function sampleHotSet(data: PreparedData, budget: Required<BudgetOptions>, signal?: AbortSignal): SampledHotSet {
  const { layout, tables } = data;
  const tableOf = layout.hotness.flatMap((bag, t) => new Array<number>(bag).fill(t));
  using reader = openRows(toBatchSource(data, "train"), { batch: stretch, tables });
  const { counted, judged } = chosenStretches(reader.batches);
  const counts = tables.map(() => new Map<number, number>());
  for (const number of counted) {
    stopIfAborted(signal, "Planning");
    const { ids } = reader.read(number, null);
    for (let i = 0; i < ids.length; i++) {
      if (ids[i] < 0) continue;
      const of = counts[tableOf[i % tableOf.length]];
      of.set(ids[i], (of.get(ids[i]) ?? 0) + 1);
    }
  }
  const { hotSet, isHot } = chooseAmong(counts, tables, budget);
  let inputs = 0;
  let hot = 0;
  for (const number of judged) {
    stopIfAborted(signal, "Planning");
    const { inputs: found, ids } = reader.read(number, null);
    inputs += found;
    const perInput = ids.length / found;
    for (let input = 0; input < found; input++) {
      let at = 0;
      const first = input * perInput;
      while (at < perInput && (ids[first + at] < 0 || isHot(tableOf[at % tableOf.length], ids[first + at]))) at++;
      if (at === perInput) hot++;
    }
  }
  return { hotSet, inputShare: inputs === 0 ? 0 : hot / inputs, isHot };
}

/** Inputs that were counted are no fair judges: each of their rows has its own access. Others judge where there are any. */
function chosenStretches(all: number): { readonly counted: readonly number[]; readonly judged: readonly number[] } {
  const most = sampledInputs / stretch;
  if (all <= most) {
    const whole = Array.from({ length: all }, (_, i) => i);
    return { counted: whole, judged: whole };
  }
  const chosen = Math.min(all, 2 * most);
  const spread = Array.from({ length: chosen }, (_, i) => Math.floor((i * all) / chosen));
  return { counted: spread.filter((_, i) => i % 2 === 0), judged: spread.filter((_, i) => i % 2 === 1) };
}

/**
 * The choice among the rows of a sample, as `chooseHotSet` makes it among all: a large table is taken as one of its named rows, in
 * the order of their ids, with as many others as keep it from counting as small.
 */
function chooseAmong(
  named: readonly ReadonlyMap<number, number>[],
  tables: PreparedData["tables"],
  budget: Required<BudgetOptions>,
): Pick<SampledHotSet, "hotSet" | "isHot"> {
  const smallRows = Math.ceil(budget.smallTableBytes / budget.rowBytes);
  const ids = named.map((of) => Float64Array.from(of.keys()).sort());
  const counts = tables.map(({ rows }, t) => {
    const dense = new Uint32Array(Math.min(rows, Math.max(smallRows, ids[t].length)));
    ids[t].forEach((id, i) => {
      dense[i] = named[t].get(id) ?? 0;
    });
    return dense;
  });
  const hotSet = chooseHotSet(counts, counts.map(countOfCounts), budget);
  const hotIds = counts.map((of, t) => {
    const bits = hotRowBits(of, hotSet, t);
    return new Set(ids[t].filter((_, i) => ((bits[i >>> 5] >>> (i & 31)) & 1) === 1));
  });
  return { hotSet, isHot: (table, id) => hotSet.whole[table] || hotIds[table].has(id) };
}
