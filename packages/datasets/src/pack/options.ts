import type { PreparedData } from "@fae/core";

export interface PackOptions {
  /** The data set to pack, not packed itself. */
  readonly data: PreparedData;
  /**
   * Gives the accesses of each row, by table. Called once; the arrays are then pack's own, which makes new ids of them in the
   * same memory. Rows get ids by falling counts, equal ones in order.
   */
  readonly counts: () => Promise<readonly Uint32Array[]>;
  /** By table: the new ids below this are hot. */
  readonly hotRows: readonly number[];
  /** Digest of the data that counts and hot rows were made from. */
  readonly madeFrom: string;
  /** Device bytes for hot rows, and bytes of one row with its optimizer state. */
  readonly budgetBytes: number;
  readonly rowBytes: number;
  /** Where the packed data set goes; must not exist. */
  readonly directory: string;
  /**
   * Whether the inputs of train are written once more as hot and cold ones, which strategies with hot batches of their own read
   * (`fae`) and no other; default true. Without them it takes little more than half the disk.
   */
  readonly classes?: boolean;
  /** Threads; default one per core. */
  readonly workers?: number;
  /** Bytes of inputs that one task rewrites; default 16 MiB. The result does not depend on it. */
  readonly partBytes?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PackProgress) => void;
}

/** With what was left out. */
export type PackCall = PackOptions & { readonly classes: boolean };

export interface PackProgress {
  /** Bytes of all files that are written. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
}
