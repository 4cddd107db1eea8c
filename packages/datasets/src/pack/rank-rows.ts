import { createHash } from "node:crypto";
import { popularRows } from "@fae/core";
import { bytesOf } from "../prepare/files.js";

/** The popularity order of a table, in memory that threads share. */
export interface RankedTable {
  /** New id of each row; those of rows that were never accessed rise with the rows. */
  readonly newIds: Int32Array;
  /** Rows that were accessed, in the order of their new ids: the first ones. */
  readonly popular: Int32Array;
  /** Of `popular`: tells orders apart. */
  readonly sha256: string;
}

/** Turns the access counts of a table, in shared memory, into the new ids of its rows where they lie. */
export function rankRows(counts: Uint32Array): RankedTable {
  const rows = popularRows(counts);
  const popular = new Int32Array(new SharedArrayBuffer(rows.byteLength));
  popular.set(rows);
  for (let row = 0, id = rows.length; row < counts.length; row++) if (counts[row] === 0) counts[row] = id++;
  for (let id = 0; id < rows.length; id++) counts[rows[id]] = id;
  return {
    newIds: new Int32Array(counts.buffer, counts.byteOffset, counts.length),
    popular,
    sha256: createHash("sha256").update(bytesOf(rows)).digest("hex"),
  };
}
