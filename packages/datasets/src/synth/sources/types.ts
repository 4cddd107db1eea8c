import type { Calibration, PaperCalibration } from "../calibration/types.js";

export type ClickLogName = "criteo-kaggle" | "criteo-terabyte" | "avazu";

/** A count column: shares among all inputs (`missing`) or among those present; ln(1 + x) has `mean` and `deviation` there. */
export interface DenseColumn {
  readonly missing: number;
  readonly zero: number;
  /** Share below zero and the lowest value; mostly -1. */
  readonly negative: number;
  readonly lowest: number;
  readonly mean: number;
  readonly deviation: number;
}

/** Columns (from 1) that are blank in the same inputs. */
export interface BlankGroup {
  readonly columns: readonly number[];
  readonly share: number;
}

/** What distinguishes one log of single clicks from another. */
export interface ClickSource {
  readonly name: ClickLogName;
  readonly calibration: Calibration;
  readonly paper: PaperCalibration | null;
  /** Correlation of each table outside the chain with the common factor. */
  readonly correlation: number;
  readonly blanks: readonly BlankGroup[];
  /** Count columns; or the hour of day as the only one. */
  readonly dense: readonly DenseColumn[] | "hour";
  /** Count columns (from 1) that are missing in the same inputs. */
  readonly missingTogether: readonly (readonly number[])[];
  readonly labelRate: number;
  /** Area under the ROC curve of the hidden teacher. */
  readonly auc: number;
  /** Days that a log is cut into; more or fewer only for Terabyte. */
  readonly days: number;
  /** Per table: 8 hex digits, or decimal numbers from `first`; the most frequent row may be written as -1. */
  readonly keys: (table: string) => KeyStyle;
}

export type KeyStyle =
  | { readonly kind: "hex" }
  | { readonly kind: "decimal"; readonly first: number; readonly topIsMinusOne: boolean };

/** `missing, zero, mean, deviation, negative, lowest` to a column. */
export const denseColumn = (
  missing: number,
  zero: number,
  mean: number,
  deviation: number,
  negative = 0,
  lowest = 0,
): DenseColumn => ({ missing, zero, mean, deviation, negative, lowest });
