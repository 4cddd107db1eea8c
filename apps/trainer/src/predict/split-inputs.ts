import { openRows, type PreparedData, readOriginalIds, type SplitName } from "@fae/core";
import { toBatchSource } from "@fae/datasets";
import type { NumberedInputs } from "./log-inputs.js";

const inputsAtOnce = 4096;

/** Inputs of a split of a prepared data set, packed or not, in row order and original ids. */
export function* splitInputs(data: PreparedData, split: SplitName): Generator<NumberedInputs> {
  const { packed, layout, tables } = data;
  const originals = packed?.originalIdsPaths.map((path, t) => readOriginalIds(path, tables[t].name, tables[t].rows));
  const tableOf = layout.hotness.flatMap((bag, t) => new Array<number>(bag).fill(t));
  using reader = openRows(toBatchSource(data, split), { batch: inputsAtOnce, tables });
  for (let number = 0; number < reader.batches; number++) {
    const { inputs, dense, ids } = reader.read(number, null);
    if (originals)
      for (let i = 0; i < ids.length; i++) if (ids[i] >= 0) ids[i] = originals[tableOf[i % tableOf.length]][ids[i]];
    yield { numbers: Array.from({ length: inputs }, (_, i) => number * inputsAtOnce + i), dense, ids };
  }
}
