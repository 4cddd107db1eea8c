import type { Numbers } from "./ops/types.js";

/** What the dense part of a model sees of one batch. */
export interface NetworkInput {
  readonly inputs: number;
  /** `[inputs, (S,) F]`. */
  readonly dense: Float32Array;
  /** Pooled rows `[inputs, (S,) T, D]`. */
  readonly rows: Numbers;
}

export interface NetworkStep {
  /** Mean loss before the update. */
  readonly loss: number;
  readonly forwardSeconds: number;
  readonly backwardSeconds: number;
}

/**
 * The dense part of a model: everything behind the look-up. Engines in JavaScript implement this, and the routes do the
 * rest. Calls never overlap: each is awaited before the next.
 */
export interface Network {
  /**
   * Forward and backward. Writes dL/d rows into `rowGradients` (as long as `rows`) and keeps the parameters' gradients until
   * the next step; parameters do not change.
   */
  step(input: NetworkInput, labels: Uint8Array, rowGradients: Numbers): Promise<NetworkStep>;
  /** Logits `[inputs]` without keeping anything. */
  forward(input: NetworkInput): Promise<Numbers>;
  /** One optimizer step on every parameter with the gradients of the last `step`. @param step Adam's t, from 1. */
  update(learningRate: number, step: number): Promise<void>;
  /** Gradient of a parameter from the last `step`. */
  gradient(param: string): Promise<Numbers>;
  /** A parameter, or its optimizer state as `<param>#<slot>`; a copy. */
  read(name: string): Promise<Numbers>;
  write(name: string, values: Numbers): Promise<void>;
  /** Bytes of parameters, state, gradients and values held. */
  bytes(): number;
  close(): Promise<void>;
}
