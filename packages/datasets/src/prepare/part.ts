import { join } from "node:path";
import type { RawFormatName } from "../raw-format.js";
import type { Written } from "./written.js";

/** What turns text into rows: everything that the bytes of a part depend on besides the text. */
export interface ReadOptions {
  readonly format: RawFormatName;
  readonly ids: "dictionary" | "hash";
  /** Keys are taken modulo this; 0 leaves them. */
  readonly modulo: number;
  readonly dropNegatives: number;
  readonly seed: number;
  readonly partBytes: number;
}

/** A rejected line in messages. */
export interface ShownReject {
  /** 1-based, inside the part. */
  readonly line: number;
  readonly offset: number;
  readonly reason: string;
  readonly field: number;
  readonly found: string;
}

/**
 * One part: the lines of one raw file that START in `partBytes` consecutive bytes of its text. On disk beside the record:
 * `.rows` (parsed rows; with a dictionary the ids are numbered inside the part), `.keys` (table by table, the keys in order
 * of first appearance), `.keep` (one bit for each accepted line, when negatives are dropped), `.rejects`.
 */
export interface PartRecord {
  readonly file: number;
  readonly part: number;
  /** Lines, header and rejected ones included. */
  readonly lines: number;
  readonly crlf: number;
  readonly accepted: number;
  /** Accepted and not dropped: rows of the part. */
  readonly kept: number;
  readonly rejected: number;
  readonly byReason: Readonly<Record<string, number>>;
  /** At most five. */
  readonly firstRejects: readonly ShownReject[];
  /** Distinct keys per table; empty in hash mode. */
  readonly uniques: readonly number[];
  /** The files of the part. */
  readonly written: readonly Written[];
}

export const partName = (file: number, part: number): string =>
  `part-${String(file).padStart(4, "0")}-${String(part).padStart(6, "0")}`;

export const partPath = (work: string, file: number, part: number, ending: string): string =>
  join(work, `${partName(file, part)}.${ending}`);
