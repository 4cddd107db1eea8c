import type { PreparedData } from "@fae/core";

export interface PackOptions {
  /** The data set to pack, not packed itself. */
  readonly data: PreparedData;
  /** By table: the original id of each new id, `original[id]`; most accessed first. */
  readonly orders: readonly Uint32Array[];
  /** By table: the new ids below this are hot. */
  readonly hotRows: readonly number[];
  /** Digest of the data that orders and hot rows were made from. */
  readonly madeFrom: string;
  /** Device bytes for hot rows, and bytes of one row with its optimizer state. */
  readonly budgetBytes: number;
  readonly rowBytes: number;
  /** Where the packed data set goes; must not exist. */
  readonly directory: string;
  /** Threads; default one per core. */
  readonly workers?: number;
  /** Bytes of inputs that one task rewrites; default 64 MiB. The result does not depend on it. */
  readonly partBytes?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PackProgress) => void;
}

export interface PackProgress {
  /** `orders`: original ids and vocabularies; `rows`: new ids; `classes`: hot and cold inputs apart. */
  readonly stage: PackStage;
  /** Bytes of the files that the stage writes. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export type PackStage = "orders" | "rows" | "classes";
