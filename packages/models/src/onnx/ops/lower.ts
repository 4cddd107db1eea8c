import type { NodeOf, OpName } from "@fae/core";
import type { Graph } from "../graph.js";

/** What a lowering sees: names of its operands in the graph, shapes without N. */
export interface LowerCall<K extends OpName> {
  readonly graph: Graph;
  readonly node: NodeOf<K>;
  readonly inputs: readonly string[];
  readonly inputShapes: readonly (readonly number[])[];
  readonly params: readonly string[];
}

/** Adds one op to the graph and returns the name of its output. */
export type Lower<K extends OpName> = (call: LowerCall<K>) => string;

/** Part of the last axis of x; `count` axes with N. */
export const sliceLast = (graph: Graph, x: string, axis: number, from: number, to: number): string =>
  graph.node("Slice", [x, graph.ints([from]), graph.ints([to]), graph.ints([axis])]);
