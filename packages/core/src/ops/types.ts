import type { Read } from "../plain.js";

/** Name of a value inside a program. Two are given from outside: `dense` and `rows`. */
export type Value = string;

/** One application of op `Name`. `params` are names of `Program.params`. */
export interface OpNode<Name extends string, Attributes> {
  readonly op: Name;
  readonly output: Value;
  readonly inputs: readonly Value[];
  readonly params: readonly string[];
  readonly attributes: Attributes;
}

/** Any array of numbers; the reference uses Float64Array, float32 code Float32Array. */
export type Numbers = Float64Array | Float32Array;

/** Sizes of a value without B, or of a parameter. */
export type Shape = readonly number[];

/** Where one gradient goes: written, added to what is there, or not wanted. */
export type GradientMode = "write" | "add" | "none";

/** Everything a kernel sees: `batch` B and, for each operand, its values and shape (inputs and output without B). */
export interface ForwardCall<Name extends string, Attributes> {
  readonly node: OpNode<Name, Attributes>;
  readonly batch: number;
  readonly inputs: readonly Numbers[];
  readonly inputShapes: readonly Shape[];
  readonly params: readonly Numbers[];
  readonly paramShapes: readonly Shape[];
  readonly output: Numbers;
  readonly outputShape: Shape;
}

export interface BackwardCall<Name extends string, Attributes> extends ForwardCall<Name, Attributes> {
  readonly outputGradient: Numbers;
  /** Same order as `inputs`; null where the mode is "none". */
  readonly inputGradients: readonly (Numbers | null)[];
  readonly inputModes: readonly GradientMode[];
  readonly paramGradients: readonly (Numbers | null)[];
  readonly paramModes: readonly GradientMode[];
}

/** One use of an op that tests and timings take: shapes without B, one per input and per parameter. */
export interface OpCase<Attributes> {
  readonly batch: number;
  readonly inputs: readonly Shape[];
  /** Default: none. */
  readonly params?: readonly Shape[];
  readonly attributes: Attributes;
}

/** One op: its shape rule, its slow, plain definition, and its cases. Engines are judged against `forward` and `backward`. */
export interface OpDefinition<Name extends string, Attributes> {
  readonly op: Name;
  /** Reads the attributes of a node from a value of unknown type; what `shape` checks may be of any size. */
  readonly attributes: Read<Attributes>;
  /** Output shape without B. @throws ShapeError naming node, operand, expected and found shape. */
  shape(node: OpNode<Name, Attributes>, inputShapes: readonly Shape[], paramShapes: readonly Shape[]): number[];
  forward(call: ForwardCall<Name, Attributes>): void;
  backward(call: BackwardCall<Name, Attributes>): void;
  /** Small: both sides of vector widths and block edges, single elements, sequences. For results and gradients. */
  readonly cases: readonly OpCase<Attributes>[];
  /** Of the size that models use. For speed. */
  readonly timed: OpCase<Attributes>;
}
