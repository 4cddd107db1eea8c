import { idsPerStep, type RowLayout } from "@fae/core";

/** Where the ids of an input stand: word offset and table of each, step by step. */
export interface IdColumns {
  readonly words: Uint32Array;
  readonly tables: Uint32Array;
}

export function idColumns(layout: RowLayout): IdColumns {
  const tableOf = layout.hotness.flatMap((length, table) => new Array<number>(length).fill(table));
  const stepWords = layout.denseFeatures + idsPerStep(layout);
  const steps = [...Array(Math.max(1, layout.steps)).keys()];
  return {
    words: Uint32Array.from(
      steps.flatMap((step) => tableOf.map((_, l) => 1 + step * stepWords + layout.denseFeatures + l)),
    ),
    tables: Uint32Array.from(steps.flatMap(() => tableOf)),
  };
}
