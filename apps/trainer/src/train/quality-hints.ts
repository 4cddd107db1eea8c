import { type BatchSource, openRows } from "@fae/core";
import { formatMetric } from "../cli/format.js";
import type { Metrics } from "./metrics.js";

const inputsAtOnce = 4096;
/** An AUC over fewer inputs says little. */
const fewestInputs = 100;

/** A sentence when the inputs that tests read have one label only; null when they have both. */
export function oneClassHint(source: BatchSource): string | null {
  using reader = openRows(source, { batch: Math.min(inputsAtOnce, source.rows) });
  const seen = new Set<number>();
  for (let batch = 0; batch < reader.batches; batch++) {
    for (const label of reader.read(batch, null).labels) seen.add(label);
    if (seen.size > 1) return null;
  }
  return (
    `hint: all ${source.rows} inputs that tests read have label ${[...seen].join()}: a test is then best for a model that always ` +
    "says so, and has no AUC; give --test-inputs more, or prepare the data with another held-out split"
  );
}

/** What an AUC tells that is worth a second look, a line per split. */
export const aucHints = (splits: Readonly<Record<string, Metrics | null>>): string[] =>
  Object.entries(splits).flatMap(([split, found]) => {
    if (found === null || found.auc === null || found.inputs < fewestInputs) return [];
    const auc = `hint: AUC ${formatMetric(found.auc)} on ${split}`;
    if (Math.abs(found.auc - 0.5) <= 1e-3)
      return [`${auc} is that of chance: check the labels and the learning rate, or train longer`];
    if (found.auc > 0.999) return [`${auc} is hardly possible: a feature may tell the label`];
    return [];
  });
