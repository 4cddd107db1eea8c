import type { LineFormat } from "./text/field.js";

export type RawFormatName = "criteo-kaggle" | "criteo-terabyte" | "avazu" | "taobao";

/** A raw click log as plain data: how a line is cut and what its fields become. */
export interface RawFormat {
  readonly name: RawFormatName;
  /** One line for people. */
  readonly title: string;
  readonly line: LineFormat;
  /** First line that a file may start with; it is skipped. */
  readonly header: string | null;
  /** Files as published, for messages and for finding them in a directory (each also with `.gz`). */
  readonly fileNames: readonly string[];
  /** Names of the tables, in id order, and how their keys print. */
  readonly tables: readonly { readonly name: string; readonly keys: "hex" | "decimal" }[];
  /** Word of a parsed line where the keys begin; the words before it are label and dense (Taobao: the time follows the keys). */
  readonly keysAt: number;
  /** F of the prepared rows. */
  readonly denseFeatures: number;
  /**
   * How inputs are split. `days`: train is every day but the last, the first half of the last day is test, the second
   * validation. `share`: the first 80 % train, then the same halves. `series`: TBSM's.
   */
  readonly split: "days-by-lines" | "days-by-files" | "share" | "series";
}
