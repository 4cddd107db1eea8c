import type { SchemaPath } from "./log-schema.js";

/** Why a row of a log is rejected. The name goes to `rejects.tsv`. */
export type RowReason =
  | "line-too-long"
  | "nul-byte"
  | "not-utf8"
  | "empty-line"
  | "too-few-fields"
  | "too-many-fields"
  | "unclosed-quote"
  | "text-after-quote"
  | "not-json"
  | "control-character"
  | "nested-value"
  | "not-a-list"
  | "not-one-value"
  | "missing-value"
  | "bad-label"
  | "not-a-number"
  | "not-finite"
  | "not-an-integer"
  | "integer-out-of-range"
  | "negative-count"
  | "bad-time"
  | "list-too-long"
  | "wrong-length"
  | "unknown-split";

export interface RowProblem {
  readonly reason: RowReason;
  /** Column at fault; null when it is the whole row. */
  readonly column: string | null;
  /** What was found, shortened. */
  readonly found: string;
}

/** A rejected row: its number in its file from 1 (the line, for text), and the byte where the line begins. */
export interface RowReject extends RowProblem {
  readonly row: number;
  /** Null where rows have no place in the file, as in Parquet. */
  readonly offset: number | null;
}

/** A column that is read. */
export interface ReadColumn {
  readonly name: string;
  /** The column holds lists: their values come with `listSeparator` between. Never in CSV and TSV. */
  readonly isList: boolean;
  /** Its text is a key as it stands: an integer in one file must be none with decimals in another. */
  readonly isKey?: boolean;
  /** The file may lack it: its cells are missing then. */
  readonly isOptional: boolean;
  /** Where the schema names it. */
  readonly path: SchemaPath;
}

/** Some rows of one file, as text. Valid until the next one. */
export interface RowBlock {
  readonly rows: number;
  readonly bytes: Uint8Array;
  /** `[rows, columns, 2]`: first byte of a cell and the byte after it; the first is -1 for a missing value. */
  readonly cells: Int32Array;
  /** Number of each row in its file, from 1: the line where it begins, for text. */
  readonly numbers: Float64Array;
  /** Byte where each row begins; null where rows have no place in the file. */
  readonly offsets: Float64Array | null;
}

/** What a reader says of a file besides its rows. */
export interface FileFacts {
  /** Lines or rows, rejected ones too. */
  rows: number;
  crlf: number;
}

export interface ReadOptions {
  readonly path: string;
  readonly columns: readonly ReadColumn[];
  readonly where: (path: SchemaPath) => string;
  readonly facts: FileFacts;
  /** Of Parquet: the type of each column in the files before, by name. */
  readonly types?: Map<string, string>;
  readonly onReject: (reject: RowReject) => void;
  /** Columns of the file that the schema does not name. */
  readonly onUnused: (names: readonly string[]) => void;
}

/** Between the values of a list that a column holds: a control character that no text should have. */
export const listSeparator = 0x1f;

const shownChars = 40;

/** A piece of text for messages. */
export function shorten(text: string): string {
  const plain = text.replace(/\p{Cc}/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
  return plain.length > shownChars ? `${plain.slice(0, shownChars)}...` : plain;
}

export const textOf = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.max(0, end - start)).toString("utf8");
