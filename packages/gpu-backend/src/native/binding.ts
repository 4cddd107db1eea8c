import type { Segment } from "@fae/core";

/** By `fae_status` of native/include/fae.h; a test compares the two. */
export const statusCodes = [
  "OK",
  "ERR_CONFIG",
  "ERR_DATA",
  "ERR_OUT_OF_MEMORY",
  "ERR_ENGINE",
  "ERR_ENGINE_UNAVAILABLE",
  "ERR_UNSUPPORTED",
  "ERR_DIVERGED",
  "ERR_DISPOSED",
  "ERR_SHAPE",
] as const;

/** `FAE_ABI` of the header that this binding was written for. */
export const abiVersion = 3;

declare const handle: unique symbol;

/** A native session; only its binding can read it. It closes itself when it is collected. */
export interface NativeHandle {
  readonly [handle]: never;
}

export interface NativeSegment extends Pick<Segment, "route" | "source" | "epoch" | "batches"> {
  readonly learningRates: Float64Array;
}

/** Counters as flat arrays: `seconds` in the order of `stages`, `bytes` as `[kind of trafficKinds][to device, to host]`. */
export interface NativeReport {
  readonly losses: Float64Array;
  readonly inputs: number;
  readonly totalSeconds: number;
  readonly seconds: Float64Array;
  readonly bytes: Float64Array;
  readonly coldRows: number;
  readonly forwardedRows: number;
  readonly switchedRows: number;
}

export interface NativeEvaluation {
  readonly inputs: number;
  readonly loss: number;
  readonly seconds: number;
  readonly bytes: Float64Array;
  readonly scores: Float32Array;
  readonly labels: Uint8Array;
}

/** What exists in TypeScript too; tests compare the two. */
export interface NativeTwins {
  philox(c0: number, c1: number, c2: number, c3: number, k0: number, k1: number): Uint32Array;
  uniformRow(width: number, seed: number, name: string, row: number, bound: number): Float32Array;
  permutation(n: number, seed: number, epoch: number, positions: Uint32Array): Uint32Array;
  /** JSON of `NativeNames`. */
  names(): string;
}

/** Names that an engine knows, in the order of its enumerations. */
export type NativeNames = Readonly<
  Record<"ops" | "optimizers" | "routes" | "stages" | "traffic" | "status", readonly string[]>
>;

/** What a native rejection carries beside its message; `details` is a JSON object or "". */
export interface NativeFailure extends Error {
  readonly status: number;
  readonly details: string;
}

/**
 * The whole native surface (native/addon). Calls on a handle run one after another on the session's own thread; arguments
 * are copied and checked before a call returns: it throws a `NativeFailure` for a wrong one, and rejects with one otherwise.
 */
export interface NativeBinding {
  readonly abi: number;
  /** JSON of `Machine`. */
  machine(): string;
  open(job: string, memory: readonly Uint32Array[]): Promise<NativeHandle>;
  run(session: NativeHandle, segment: NativeSegment): Promise<NativeReport>;
  evaluate(session: NativeHandle, source: string): Promise<NativeEvaluation>;
  read(session: NativeHandle, name: string, rows: Uint32Array | null): Promise<Float32Array>;
  write(session: NativeHandle, name: string, data: Float32Array, rows: Uint32Array | null): Promise<void>;
  memory(session: NativeHandle): Promise<{ readonly hostBytes: number; readonly deviceBytes: number }>;
  close(session: NativeHandle): Promise<void>;
  readonly twins: NativeTwins;
}
