import { idColumns, type RowLayout } from "@fae/core";

/** One id position of an input. */
export interface Column {
  /** Word offset from the start of the input. */
  readonly word: number;
  readonly table: number;
}

/** All id positions of an input, step by step, table by table. */
export function columnsOf(layout: RowLayout): Column[] {
  const { words, tables } = idColumns(layout);
  return Array.from(words, (word, c) => ({ word, table: tables[c] }));
}
