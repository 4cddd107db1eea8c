/** Rank anchors of one table: rank, share, rank, share ... (`rank-law.ts`). */
export interface TableCalibration {
  readonly name: string;
  readonly rows: number;
  readonly anchors: readonly number[];
}

export interface Calibration {
  /** Inputs of the real log: shares below 64 of them are whole counts. */
  readonly draws: number;
  /** Columns (from 1) that determine one another, finest first. */
  readonly chain: readonly number[];
  readonly tables: readonly TableCalibration[];
}

/** What the paper's hot-row pairs change in a calibration. */
export interface PaperCalibration {
  readonly rows: readonly number[];
  /** By table name; plain log-log, no whole counts. */
  readonly anchors: Readonly<Record<string, readonly number[]>>;
}
