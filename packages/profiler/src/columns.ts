import type { RowLayout } from "@fae/core";
import { idsPerStep } from "@fae/core";

/** One id position of an input. */
export interface Column {
  /** Word offset from the start of the input. */
  readonly word: number;
  readonly table: number;
}

/** All id positions of an input, step by step, table by table. */
export function idColumns(layout: RowLayout): Column[] {
  const tableOf = layout.hotness.flatMap((length, table) => new Array<number>(length).fill(table));
  const stepWords = layout.denseFeatures + idsPerStep(layout);
  const columns: Column[] = [];
  for (let step = 0; step < Math.max(1, layout.steps); step++)
    tableOf.forEach((table, l) => {
      columns.push({ word: 1 + step * stepWords + layout.denseFeatures + l, table });
    });
  return columns;
}
