import { createHash } from "node:crypto";
import { popularRows } from "@fae/core";
import { bytesOf } from "../prepare/files.js";

export interface RankReport {
  /** Rows that were accessed: they have the new ids below this. */
  readonly seen: number;
  /** Of these rows, most accessed first: tells popularity orders apart. */
  readonly sha256: string;
}

/** Turns the access counts of a table into the new ids of its rows, in the same memory, which threads share. */
export function rankRows(counts: Uint32Array): RankReport {
  const rows = popularRows(counts);
  for (let row = 0, id = rows.length; row < counts.length; row++) if (counts[row] === 0) counts[row] = id++;
  for (let id = 0; id < rows.length; id++) counts[rows[id]] = id;
  return { seen: rows.length, sha256: createHash("sha256").update(bytesOf(rows)).digest("hex") };
}
