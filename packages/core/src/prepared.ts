import type { DenseEncoding, RowLayout } from "./batch.js";
import type { IdMapping, LogName } from "./id-mapping.js";

/** Names of the row files of a prepared data set. `hot` and `cold` exist after `pack`, unless it was asked to leave them out. */
export type SplitName = "train" | "val" | "test" | "hot" | "cold";

/**
 * A prepared data set as its readers hand it on: `datasets` makes it from a directory, `profiler`, `embedding-store` and
 * the apps take it as a value.
 */
export interface PreparedData {
  readonly directory: string;
  readonly source: LogName;
  readonly layout: RowLayout;
  /** In id order of the layout; `rows` is the cardinality. */
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
  readonly splits: Readonly<Partial<Record<SplitName, { readonly path: string; readonly rows: number }>>>;
  readonly labelRate: number;
  readonly denseEncoding: DenseEncoding;
  /** sha256 of the manifest without its `packed` part: what a profile or checkpoint says it was made from. */
  readonly digest: string;
  /** What its original ids mean; null when the data set was written before it said so: `idMapping` of datasets works it out. */
  readonly ids: IdMapping | null;
  /** Share of the training inputs without a click that were kept, above 0 to 1; 1: all. Other splits are as in the log. */
  readonly keptNegatives: number;
  /** Present when ids are in popularity order. */
  readonly packed: PackedInfo | null;
}

export interface PackedInfo {
  /** Digest of the data set that was packed. */
  readonly from: string;
  /** Hot rows per table. */
  readonly hotRows: readonly number[];
  readonly budgetBytes: number;
  readonly rowBytes: number;
  /** Inputs of train whose ids are all hot. */
  readonly hotInputs: number;
  /** Per table: file of uint32 `original[id]`. */
  readonly originalIdsPaths: readonly string[];
}
