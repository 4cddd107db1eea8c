import type { BatchSource } from "./batch.js";
import type { OptimizerSpec } from "./optimizers/types.js";
import type { Plan, Segment } from "./plan.js";
import type { Program } from "./program.js";

/** What a machine has, as an engine sees it. */
export interface Machine {
  readonly engine: string;
  /** e.g. `AMD EPYC, AVX-512, 2 threads` or `NVIDIA H100 80GB HBM3, driver 580.159`. */
  readonly description: string;
  readonly threads: number;
  readonly devices: readonly { readonly name: string; readonly memoryBytes: number }[];
  /** Versions and libraries found or not found, with reasons: printed by `fae doctor`. */
  readonly facts: Readonly<Record<string, string>>;
}

/** Where a table's rows start. Default: `TableSpec.init`, drawn by *original* id, so a packed and an unpacked run start equal. */
export interface TableStart {
  /** Path of `original[id]` as little-endian uint32, one per row, for data in popularity order; absent: the id itself. */
  readonly originalIdsPath?: string;
  /**
   * Keep the rows in this file (mapped) instead of anonymous memory: tables larger than RAM. The session makes it, and refuses
   * one that is there already; it stays when the session is closed.
   */
  readonly mappedPath?: string;
}

export interface Job {
  readonly program: Program;
  readonly plan: Plan;
  readonly optimizer: OptimizerSpec;
  readonly sources: readonly BatchSource[];
  /** B, inputs per batch; the last batch of a source may be shorter. */
  readonly batch: number;
  /** Seed of initial tables and parameters. */
  readonly seed: number;
  readonly tables?: Readonly<Record<string, TableStart>>;
  /** Host threads; 0 chooses. */
  readonly threads: number;
  /** Matrix arithmetic on engines that have a choice; default "float32". */
  readonly matmul?: "float32" | "tf32" | "bf16";
  /** Row storage on the device; default "float32". */
  readonly rowType?: "float32" | "bf16";
  /** CUDA only: order-free atomic row updates, faster or not; default true = deterministic. */
  readonly deterministic?: boolean;
}

export type Stage = "read" | "gather" | "copy" | "forward" | "backward" | "update" | "switch" | "wait";
export const stages: readonly Stage[] = ["read", "gather", "copy", "forward", "backward", "update", "switch", "wait"];

/**
 * Kinds of bytes that cross between host and device.
 * `inputs`: labels, dense features, ids or slots. `rows`: embedding rows and their gradients. `rowState`: their optimizer state.
 * `parameters`: dense parameters and their gradients. `switch`: rows and state copied when hot and hybrid batches change places.
 */
export type Traffic = "inputs" | "rows" | "rowState" | "parameters" | "switch";
export const trafficKinds: readonly Traffic[] = ["inputs", "rows", "rowState", "parameters", "switch"];

export type Bytes = Record<Traffic, { toDevice: number; toHost: number }>;

export const zeroBytes = (): Bytes => ({
  inputs: { toDevice: 0, toHost: 0 },
  rows: { toDevice: 0, toHost: 0 },
  rowState: { toDevice: 0, toHost: 0 },
  parameters: { toDevice: 0, toHost: 0 },
  switch: { toDevice: 0, toHost: 0 },
});

/** What one segment did. The only place where time is measured and bytes are counted. */
export interface SegmentReport {
  readonly batches: number;
  readonly inputs: number;
  /** Mean loss of each batch, before its update. */
  readonly losses: Float64Array;
  /** Wall seconds of the segment. */
  readonly totalSeconds: number;
  /** Seconds per stage; overlapped stages may add up to more than the total. */
  readonly seconds: Readonly<Record<Stage, number>>;
  readonly bytes: Readonly<Bytes>;
  /** Distinct cold rows fetched from the host, and those forwarded on the device instead (`mixed`). */
  readonly coldRows: number;
  readonly forwardedRows: number;
  /** Rows copied by switches at the start of the segment. */
  readonly switchedRows: number;
}

/** Scores of a whole source, in row order (never shuffled). */
export interface Evaluation {
  readonly inputs: number;
  /** Mean binary cross entropy. */
  readonly loss: number;
  /** Predicted probability per input. */
  readonly scores: Float32Array;
  readonly labels: Uint8Array;
  readonly seconds: number;
  readonly bytes: Readonly<Bytes>;
}

/**
 * A model in training. Calls queue in call order; each promise settles when its own call is done. After an error that
 * poisons the session every further call rejects with the first cause.
 *
 * Names for `read` and `write`: parameters and tables by `ParamSpec.name` / `TableSpec.name`; optimizer state as
 * `<name>#<slot>` (slots: `optimizers/types.ts`); `#step` is the number of updates done, two values (`stepValues`).
 */
export interface Session extends AsyncDisposable {
  /** @param learningRates one per batch of the segment. */
  run(segment: Segment, learningRates: readonly number[]): Promise<SegmentReport>;
  /** Scores without update, from wherever each row's authoritative copy is. */
  evaluate(source: string): Promise<Evaluation>;
  /** @param rows row numbers of a table (or of its state); absent: everything, flat. */
  read(name: string, rows?: Uint32Array): Promise<Float32Array>;
  write(name: string, data: Float32Array, rows?: Uint32Array): Promise<void>;
  /** Bytes held now: host and device. */
  memory(): Promise<{ readonly hostBytes: number; readonly deviceBytes: number }>;
}

export interface Engine {
  readonly name: string;
  machine(): Machine;
  /** Reasons why this engine cannot run the job; empty when it can. Needs no memory or device. */
  refuses(job: Pick<Job, "program" | "plan" | "optimizer" | "rowType" | "matmul">): string[];
  /**
   * Allocates and initialises everything, from a copy of the job: what the caller changes afterwards does not matter. Values of
   * a wrong type or out of range are refused, naming them. @throws FaeError
   */
  open(job: Job): Promise<Session>;
}
