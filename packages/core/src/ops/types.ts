/** Name of a value inside a program. Two are given from outside: `dense` and `rows`. */
export type Value = string;

export type Activation = "none" | "relu" | "sigmoid";

/** Attributes per op. One file per op in this folder says what they mean. */
export interface OpAttributes {
  /** `y[..., m] = activation(sum_k x[..., k] W[m, k] + b[m])`; `transposed`: W is read as `[K, M]`. params `[W]` or `[W, b]`. */
  linear: { readonly activation: Activation; readonly transposed: boolean };
  /** Inputs x `[..., D]`, rows `[..., T, D]`; output x followed by dots of the lower triangle, `self` with the diagonal. */
  interact: { readonly self: boolean };
  /** Concatenates its inputs after flattening everything behind the first `keep` per-input axes. */
  concat: { readonly keep: number };
  /** Steps `from` (included) to `to` (excluded) of the first per-input axis; `squeeze` drops the axis, for one step. */
  slice: { readonly from: number; readonly to: number; readonly squeeze: boolean };
  /** `x / max(|x|, epsilon)` over the last axis. */
  normalize: { readonly epsilon: number };
  /** Inputs H `[R, K]`, q `[K]`; output `a[r] = sum_k H[r, k] q[k]`. */
  "batch-dot": Record<string, never>;
  /** Inputs y `[R]`, H `[R, K]`; output `c[k] = sum_r y[r] H[r, k]`. */
  "weighted-sum": Record<string, never>;
}

export type OpName = keyof OpAttributes;

/** One op application. `params` are names of `Program.params`. */
export type Node = {
  readonly [K in OpName]: {
    readonly op: K;
    readonly output: Value;
    readonly inputs: readonly Value[];
    readonly params: readonly string[];
    readonly attributes: OpAttributes[K];
  };
}[OpName];

export type NodeOf<K extends OpName> = Extract<Node, { op: K }>;

/** Any array of numbers; the reference uses Float64Array, float32 code Float32Array. */
export type Numbers = Float64Array | Float32Array;

/** Where one gradient goes: written, added to what is there, or not wanted. */
export type GradientMode = "write" | "add" | "none";

/** Everything a kernel sees: `batch` B and, for each operand, its values and shape (inputs and output without B). */
export interface OpCall<K extends OpName> {
  readonly node: NodeOf<K>;
  readonly batch: number;
  readonly inputs: readonly Numbers[];
  readonly inputShapes: readonly (readonly number[])[];
  readonly params: readonly Numbers[];
  readonly paramShapes: readonly (readonly number[])[];
  readonly output: Numbers;
  readonly outputShape: readonly number[];
}

export interface OpGradientCall<K extends OpName> extends OpCall<K> {
  readonly outputGradient: Numbers;
  /** Same order as `inputs`; null where the mode is "none". */
  readonly inputGradients: readonly (Numbers | null)[];
  readonly inputModes: readonly GradientMode[];
  readonly paramGradients: readonly (Numbers | null)[];
  readonly paramModes: readonly GradientMode[];
}

/** One op: its shape rule and its slow, plain definition. Engines are judged against `forward` and `backward`. */
export interface OpDefinition<K extends OpName> {
  readonly op: K;
  /** Output shape without B. @throws ShapeError naming node, operand, expected and found shape. */
  shape(
    node: NodeOf<K>,
    inputShapes: readonly (readonly number[])[],
    paramShapes: readonly (readonly number[])[],
  ): number[];
  forward(call: OpCall<K>): void;
  backward(call: OpGradientCall<K>): void;
}

/** A complete list of kernels: a missing one is a compile error. */
export type OpTable<Kernel extends { [K in OpName]: unknown }> = { readonly [K in OpName]: Kernel[K] };
