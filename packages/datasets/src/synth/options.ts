import type { RawFormatName } from "../raw-format.js";
import type { TeacherScores } from "./teacher-scores.js";

export interface SynthOptions {
  readonly source: RawFormatName;
  /**
   * `prepared`: a data set ready to train on. `raw`: the source's own text files, to be read by `prepare`. The same options give the
   * same inputs in both, up to the numbering of ids (Taobao: the same kind of users, but other series).
   */
  readonly format: "prepared" | "raw";
  /** Directory to create. Work happens in `<directory>.partial`, which one rename publishes. */
  readonly directory: string;
  /** Inputs over all splits; for Taobao lines of the raw log or, prepared, series. */
  readonly rows: number;
  readonly seed?: number;
  /**
   * Popularity of rows. `counts` (default): as counted in the real log. `paper`: tables and tails of the published hot-row pairs (Criteo
   * only): Terabyte 2,097,152 of 266 million rows hold 82 % of the inputs, Kaggle 6.8 % of the rows hold 76 %.
   */
  readonly calibration?: "counts" | "paper";
  /** Fraction of the rows of every table above 1,000 rows (at least 1,000 stay), for small machines; default 1. */
  readonly scale?: number;
  /** Share of the ranks above the head that get another row each day, 0 (default) .. 0.05. Not for Taobao. */
  readonly drift?: number;
  /** Criteo: days of the log, at least 2; default 7 (Kaggle) or 24 (Terabyte, whose raw log has one file a day). */
  readonly days?: number;
  /** Share of positive labels; default that of the real log. Terabyte with 7 of 8 negatives dropped: 0.21. Not for Taobao. */
  readonly labelRate?: number;
  /** Raw only: compress the files. */
  readonly gzip?: boolean;
  /** Prepared only: write `vocab/`, 4 bytes a table row. Default: when all tables together have at most 100 million rows. */
  readonly vocabulary?: boolean;
  /** Worker threads, default one a core. Never changes the result. */
  readonly workers?: number;
  readonly onProgress?: (progress: SynthProgress) => void;
  /** Stops the work; nothing is left behind. */
  readonly signal?: AbortSignal;
}

export interface SynthProgress {
  /** `survey` (Taobao series only) goes through the users to learn which items they meet, and counts users. */
  readonly stage: "survey" | "write";
  readonly inputsDone: number;
  readonly inputsTotal: number;
  readonly inputsPerSecond: number;
  readonly secondsLeft: number;
  readonly bytes: number;
  /** Threads at work; 0 when the package runs from source and works on the calling thread. */
  readonly workers: number;
}

/** What was made. Without `seconds`, `inputsPerSecond` and `workers` it is also written as `synth.json`. */
export interface SynthReport {
  readonly source: RawFormatName;
  readonly format: "prepared" | "raw";
  readonly directory: string;
  readonly inputs: number;
  readonly bytes: number;
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
  /**
   * What the hidden teacher, which knows the probability of every label, scores on each split. A model that trains on the log can come
   * near, not beyond. Null for raw Taobao logs, which have no labels; for Taobao series the teacher also knows the user's tastes
   * and whole history, so that no model comes near.
   */
  readonly teacher: { readonly train: TeacherScores; readonly test: TeacherScores; readonly val: TeacherScores } | null;
  readonly seconds: number;
  readonly inputsPerSecond: number;
  readonly workers: number;
}
