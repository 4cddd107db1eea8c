import { DataError } from "@fae/core";

/** An id that is no row of its table. */
export const idOutOfRange = (table: string, rows: number, at: { readonly input: number; readonly id: number }) =>
  new DataError(`Input ${at.input} has id ${at.id} in table "${table}", which has ${rows} rows.`, {
    fix: "Prepare the data set again, or give the number of rows that the table really has.",
    details: { table, rows, input: at.input, found: at.id, expected: `-1..${rows - 1}` },
  });
