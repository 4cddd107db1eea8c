import type { TrainOptions } from "./options.js";

/** With fewer batches an epoch, a published batch size and learning rate often end no better than the constant predictor. */
const fewBatches = 50;

/**
 * One line for whoever trains on a small log with a batch size made for large ones; null when an epoch has batches enough, or the
 * run was asked to be short.
 * @param inputs of an epoch
 */
export function batchHint(
  inputs: number,
  { batch, maxBatches }: Pick<TrainOptions, "batch" | "maxBatches">,
): string | null {
  const batches = Math.ceil(inputs / batch);
  if (maxBatches !== null || batches >= fewBatches || batch === 1) return null;
  const better = 2 ** Math.max(0, Math.floor(Math.log2(inputs / fewBatches)));
  return (
    `hint: an epoch is only ${batches} batch${batches === 1 ? "" : "es"} of ${batch} inputs, often too few to beat the constant ` +
    `predictor; --batch ${better} makes it ${Math.ceil(inputs / better)}`
  );
}
