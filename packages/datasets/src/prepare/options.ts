import type { RawFormatName } from "../raw-format.js";

export interface PrepareOptions {
  readonly format: RawFormatName;
  /** Raw files in order of time, plain or gzip; or one directory that holds them under their published names. */
  readonly files: readonly string[];
  /** Directory to create. Work happens in `<directory>.partial`, which one rename publishes. */
  readonly directory: string;
  /**
   * `dictionary` (default): ids by first appearance over all inputs, those of the test day included. `hash`: id = key mod
   * `maxRowsPerTable`, no dictionary, memory bounded whatever the log.
   */
  readonly ids?: "dictionary" | "hash";
  /** Keys are taken modulo this, 1 .. 2^31 - 1; with a dictionary, which then follows the modulo, as the reference does. */
  readonly maxRowsPerTable?: number;
  /**
   * Share of label-0 inputs to leave out of the training split, 0 (default) to below 1; the draw depends on seed, file and byte
   * offset alone. Held-out splits stay as in the log. Keys of inputs left out stay in the vocabulary, but of files that are
   * whole training days.
   */
  readonly dropNegatives?: number;
  /** Order of the training inputs: as in the log (default), permuted inside each day, permuted over all days. */
  readonly randomize?: "none" | "day" | "total";
  /** Criteo: cut the inputs into this many days by count. Default 7 for Kaggle, one a file for Terabyte (7 for a single file). */
  readonly days?: number;
  readonly seed?: number;
  /** Taobao only. */
  readonly series?: SeriesOptions;
  /** Share of lines that may be rejected, default 0.001. */
  readonly maxRejects?: number;
  /**
   * Take files and lines as they are given: files out of order by their names, a file given twice, Avazu hours that fall. Each of
   * them changes which inputs are held out, so by default (false) it is an error.
   */
  readonly asGiven?: boolean;
  /** Worker threads, default one a core. Never changes the result. */
  readonly workers?: number;
  /** Bytes of text in one resumable unit of work, default 64 MiB; a 65,536th of the raw files at least. Never changes the result. */
  readonly partBytes?: number;
  readonly onProgress?: (progress: PrepareProgress) => void;
  /** Stops the work; what is finished stays in `<directory>.partial`, and the same call resumes there. */
  readonly signal?: AbortSignal;
}

/** TBSM's numbers; the defaults are those of its published runs. */
export interface SeriesOptions {
  /** Training users used, in shuffled order; default 690,000. */
  readonly trainUsers?: number;
  /** Of these, the users that also give validation series; default 300,000. */
  readonly valUsers?: number;
  /** Most positive (and most negative) training series of one user; default 10. */
  readonly perUser?: number;
  /** Training and test users are each cut to a multiple of this; default 256, 1 keeps all. */
  readonly usersMultiple?: number;
}

/** Stages in the order in which they run; a log has only those it needs. */
export type PrepareStage = "read" | "number" | "arrange" | "write" | "shuffle";

export interface PrepareProgress {
  readonly stage: PrepareStage;
  /** Of this stage: bytes of raw files for `read`, of intermediate files for the others. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly bytesPerSecond: number;
  /** Left of this stage at the present rate; infinite until something is done. */
  readonly secondsLeft: number;
  /** Lines read and rejected so far. */
  readonly lines: number;
  readonly rejected: number;
  /** Threads at work; 0 when the package runs from source and works on the calling thread. */
  readonly workers: number;
}
