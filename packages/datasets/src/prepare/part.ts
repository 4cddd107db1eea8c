import { join } from "node:path";
import type { RawFormatName } from "../raw-format.js";
import type { LogForm } from "../text/log-form.js";
import type { Written } from "./written.js";

/** A raw file as a worker needs it. */
export interface RawFile {
  readonly path: string;
  /** Position among the raw files. */
  readonly file: number;
  readonly bytes: number;
  readonly form: LogForm;
}

/** What turns text into rows: everything that the bytes of a part depend on besides the text. */
export interface ReadOptions {
  readonly format: RawFormatName;
  readonly ids: "dictionary" | "hash";
  /** Keys are taken modulo this; 0 leaves them. */
  readonly modulo: number;
  readonly dropNegatives: number;
  /** Files whose every input is for training: what is left out of them is never stored. Of the others that is known at the end. */
  readonly trainFiles: number;
  readonly seed: number;
  readonly partBytes: number;
}

/** A line of a part and its hour, YYMMDDHH. */
export interface HourAt {
  /** 1-based, inside the part. */
  readonly line: number;
  readonly offset: number;
  readonly hour: number;
}

/** The hours of the accepted lines of one part, in order of the text. */
export interface PartHours {
  readonly first: HourAt;
  readonly last: number;
  /** The first line whose hour is before that of the line above it. */
  readonly fall: (HourAt & { readonly before: number }) | null;
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
 * of first appearance), `.keep` (one bit for each accepted line: whether training keeps it, when negatives are dropped), `.rejects`.
 */
export interface PartRecord {
  readonly file: number;
  readonly part: number;
  /** Lines, header and rejected ones included. */
  readonly lines: number;
  readonly crlf: number;
  readonly accepted: number;
  /** Accepted and, if they are for training, not dropped. */
  readonly kept: number;
  /** Rows of the part: the kept ones of a file that trains, else all accepted ones. */
  readonly rows: number;
  readonly rejected: number;
  readonly byReason: Readonly<Record<string, number>>;
  /** At most five. */
  readonly firstRejects: readonly ShownReject[];
  /** Present when the lines hold hours. */
  readonly hours: PartHours | null;
  /** Per dense column: its value when all kept rows have the same, else null. */
  readonly constants: readonly (number | null)[];
  /** Distinct keys per table; empty in hash mode. */
  readonly uniques: readonly number[];
  /** The files of the part. */
  readonly written: readonly Written[];
}

export const partName = (file: number, part: number): string =>
  `part-${String(file).padStart(4, "0")}-${String(part).padStart(6, "0")}`;

export const partPath = (work: string, file: number, part: number, ending: string): string =>
  join(work, `${partName(file, part)}.${ending}`);
