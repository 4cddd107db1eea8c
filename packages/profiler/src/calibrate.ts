import { checkArguments, checkOptions, is } from "@fae/core";
import { budgetKinds, chunkKinds, countsAndHistograms } from "./call-kinds.js";
import type { CountOfCounts } from "./count-of-counts.js";
import { type ChunkOptions, drawChunks, estimateRows } from "./estimate.js";
import { type BudgetOptions, chooseHotSet, type HotSet, hotSetAt, placeSmallTables } from "./hot-set.js";

/** One threshold that the search looked at. */
export interface SearchStep {
  /** Accesses per input of the data at which a row is hot. */
  readonly fraction: number;
  /** The same in accesses of the sample, rounded up: what the classifier uses. At least 1. */
  readonly threshold: number;
  readonly estimatedRows: number;
  /** Upper bound, in bytes, small tables included. */
  readonly boundBytes: number;
  readonly fits: boolean;
}

export interface Calibration {
  readonly hotSet: HotSet;
  /** In the order they were tried. */
  readonly steps: readonly SearchStep[];
  /** Of the chosen threshold: the estimate, its bound, and the rows that the classifier then found in the sample's counts. */
  readonly estimatedRows: number;
  readonly boundRows: number;
  readonly taggedRows: number;
  /** The tagged rows did not fit after all, and were cut in popularity order. */
  readonly wasCut: boolean;
}

const decades = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7] as const;

/**
 * The calibration of FAE on sampled counts: lowers the threshold from 1e-2 to 1e-7 accesses per input, decade by decade, as
 * long as the bound of the hot bytes stays within the budget, then bisects between the last that fits and the first that does
 * not, down to neighbouring counts. One access in the sample is the finest threshold there is: a row never seen is never hot.
 * If 1e-2 does not fit, the search goes up from there.
 *
 * @param counts of the sampled inputs; `sampledInputs` of them.
 * @throws PlanError as `chooseHotSet`
 */
export function calibrate(
  counts: readonly Uint32Array[],
  histograms: readonly CountOfCounts[],
  sampledInputs: number,
  options: BudgetOptions & ChunkOptions,
): Calibration {
  checkArguments("calibrate", {
    ...countsAndHistograms(counts, histograms),
    sampledInputs: [sampledInputs, is.whole()],
  });
  checkOptions<BudgetOptions & ChunkOptions>("calibrate", options, { ...budgetKinds, ...chunkKinds });
  const { chunks: _, chunkRows: __, confidence: ___, seed: ____, ...budget } = options;
  const { rowBytes, budgetBytes } = budget;
  const { whole } = placeSmallTables(counts, options);
  const smallRows = counts.reduce((sum, table, t) => sum + (whole[t] ? table.length : 0), 0);
  const chunks = counts.flatMap((table, t) => (whole[t] ? [] : [drawChunks(table, t, options)]));
  const steps: SearchStep[] = [];
  const bounds = new Map<number, { mean: number; bound: number }>();

  const fits = (threshold: number, fraction = threshold / sampledInputs): boolean => {
    const estimates = chunks.map((table) => estimateRows(table, threshold));
    const mean = smallRows + estimates.reduce((sum, table) => sum + table.mean, 0);
    const bound = smallRows + estimates.reduce((sum, table) => sum + table.bound, 0);
    bounds.set(threshold, { mean, bound });
    const boundBytes = Math.ceil(bound * rowBytes);
    steps.push({ fraction, threshold, estimatedRows: mean, boundBytes, fits: boundBytes <= budgetBytes });
    return boundBytes <= budgetBytes;
  };

  // No row has more accesses than this, so nothing but the small tables is hot above it.
  let fitting = histograms.reduce((most, { counts: [largest = 0] }) => Math.max(most, largest), 0) + 1;
  let tooLow = 0;
  for (const fraction of decades) {
    const threshold = Math.max(1, Math.ceil(fraction * sampledInputs));
    if (threshold >= fitting) continue;
    if (!fits(threshold, fraction)) {
      tooLow = threshold;
      break;
    }
    fitting = threshold;
  }
  while (fitting - tooLow > 1) {
    // Geometric middle: thresholds matter by ratio. Always strictly between the two.
    const middle = Math.max(tooLow + 1, Math.floor(Math.sqrt(Math.max(1, tooLow) * fitting)));
    if (fits(middle)) fitting = middle;
    else tooLow = middle;
  }
  const { mean, bound } = bounds.get(fitting) ?? { mean: smallRows, bound: smallRows };
  const tagged = hotSetAt(counts, histograms, fitting, { ...options, budgetBytes: Number.POSITIVE_INFINITY });
  const within = hotSetAt(counts, histograms, fitting, options);
  return {
    hotSet: within ?? chooseHotSet(counts, histograms, budget),
    steps,
    estimatedRows: mean,
    boundRows: bound,
    taggedRows: tagged?.rows ?? 0,
    wasCut: within === null,
  };
}
