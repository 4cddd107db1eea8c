import { DataError } from "@fae/core";
import { type Calibration, calibrate } from "./calibrate.js";
import { type AccessCounts, countOn } from "./count-accesses.js";
import { type CountOfCounts, mergeCountOfCounts } from "./count-of-counts.js";
import { chooseHotSet, type HotSet } from "./hot-set.js";
import { type Judgement, judgeOn } from "./judge-inputs.js";
import { partitionRows, threadCount } from "./partition.js";
import { type ProfileOptions, rowBytes, smallTables, sourceOf } from "./profile-options.js";
import type { Profile } from "./profile-schema.js";
import type { SampleRule } from "./sample.js";
import type { Threads } from "./threads.js";

/** Inputs outside the sample that judge a sampled hot set: a share is then known to about 0.1 points. */
const judges = 200_000;

/** One method carried out: counts, the hot set chosen from them, and inputs judged against it. */
export interface Measured {
  readonly method: Profile["method"];
  readonly counted: AccessCounts;
  readonly histograms: readonly CountOfCounts[];
  readonly hotSet: HotSet;
  readonly calibration: Calibration | null;
  readonly judged: Judgement;
  readonly seconds: Profile["seconds"];
}

/** @throws DataError when the sample holds no input. */
export async function measure(threads: Threads, method: Profile["method"], options: ProfileOptions): Promise<Measured> {
  const { data, ratePercent = 5, seed = 0, budgetBytes, workers, progress } = options;
  const source = sourceOf(options);
  const sample: SampleRule | null = method === "sampled" ? { ratePercent, seed } : null;
  const shared = workers === undefined ? {} : { workers };
  const started = performance.now();
  const counted = await countOn(threads, source, {
    tables: data.tables,
    sample,
    ...shared,
    progress: (inputs, total) => progress?.("count", inputs, total),
  });
  if (counted.inputs === 0)
    throw new DataError(`The sample of ${ratePercent} % of ${counted.totalInputs} inputs holds none.`, {
      fix: "Raise the rate, or use method exact.",
      details: { ratePercent, inputs: counted.totalInputs },
    });
  const countedAt = performance.now();
  const histograms = await histogramsOf(threads, counted.counts, threadCount(workers, source));
  const budget = { rowBytes: rowBytes(options), budgetBytes, smallTableBytes: smallTables(options) };
  const calibration =
    method === "sampled" ? calibrate(counted.counts, histograms, counted.inputs, { ...budget, seed }) : null;
  const hotSet = calibration?.hotSet ?? chooseHotSet(counted.counts, histograms, budget);
  const chosenAt = performance.now();
  // Above 100 % of the inputs there is nobody outside the sample to judge it.
  const isFull = sample === null || sample.ratePercent === 100;
  const judged = await judgeOn(threads, {
    source,
    tables: data.tables,
    counts: counted.counts,
    hotSet,
    sample: isFull ? null : judgeSample(source.rows, sample),
    exclude: isFull ? null : sample,
    ...shared,
    progress: (inputs, total) => progress?.("judge", inputs, total),
  });
  return {
    method,
    counted,
    histograms,
    hotSet,
    calibration,
    judged,
    seconds: {
      count: (countedAt - started) / 1000,
      choose: (chosenAt - countedAt) / 1000,
      judge: (performance.now() - chosenAt) / 1000,
    },
  };
}

async function histogramsOf(threads: Threads, counts: readonly Uint32Array[], parts: number): Promise<CountOfCounts[]> {
  const tasks = partitionRows(counts, parts).map((ranges) => ({ kind: "histogram" as const, counts, ranges }));
  const results = await threads.run(tasks);
  const found = tasks.flatMap(({ ranges }, i) => ranges.map(({ table }, r) => ({ table, histogram: results[i][r] })));
  return counts.map((_, t) =>
    mergeCountOfCounts(found.filter(({ table }) => table === t).map(({ histogram }) => histogram)),
  );
}

/** About `judges` of the inputs that a sample leaves. */
const judgeSample = (inputs: number, { ratePercent, seed }: SampleRule): SampleRule => ({
  ratePercent: Math.min(100, (100 * judges) / Math.max(1, inputs * (1 - ratePercent / 100))),
  seed: (seed ^ 0x5bd1e995) >>> 0,
});
