import type { Activation, Node, ParamSpec, TableSpec, Value } from "@fae/core";

/** A program while it is being written down: nodes in execution order. */
export interface Draft {
  readonly tables: TableSpec[];
  readonly params: ParamSpec[];
  readonly nodes: Node[];
}

export const emptyDraft = (): Draft => ({ tables: [], params: [], nodes: [] });

/** Appends a node and returns the name of its output. */
export function add(draft: Draft, node: Node): Value {
  draft.nodes.push(node);
  return node.output;
}

/** Adds tables `<prefix>emb_l.<k>.weight` with rows U(-1/sqrt(n), 1/sqrt(n)), as the reference starts them. */
export function addTables(draft: Draft, prefix: string, tableRows: readonly number[]): void {
  tableRows.forEach((rows, k) => {
    draft.tables.push({
      name: `${prefix}emb_l.${k}.weight`,
      rows,
      init: { kind: "uniform", bound: Math.sqrt(1 / rows) },
    });
  });
}

/** Adds a square matrix W ~ N(0, 2/(2m)), `[m, m]`, and returns its name. */
export function addSquare(draft: Draft, name: string, m: number): string {
  draft.params.push({ name, shape: [m, m], init: { kind: "normal", deviation: Math.sqrt(2 / (m + m)) } });
  return name;
}

/** One multi-layer perceptron over the last axis of its input. */
export interface Mlp {
  /** Layers are `<name>.0`, `<name>.2`, ...: the reference numbers its activations too. */
  readonly name: string;
  readonly input: Value;
  /** K of the first layer, then M of every layer. */
  readonly sizes: readonly number[];
  readonly hidden: Activation;
  readonly last: Activation;
}

/** Adds the layers of an MLP, W ~ N(0, 2/(m+n)) `[m, n]` and b ~ N(0, 1/m) `[m]`; returns the value of the last one. */
export function addMlp(draft: Draft, { name, input, sizes, hidden, last }: Mlp): Value {
  let value = input;
  for (let layer = 1; layer < sizes.length; layer++) {
    const n = sizes[layer - 1];
    const m = sizes[layer];
    const output = `${name}.${2 * (layer - 1)}`;
    const params = [`${output}.weight`, `${output}.bias`];
    draft.params.push(
      { name: params[0], shape: [m, n], init: { kind: "normal", deviation: Math.sqrt(2 / (m + n)) } },
      { name: params[1], shape: [m], init: { kind: "normal", deviation: Math.sqrt(1 / m) } },
    );
    const activation = layer === sizes.length - 1 ? last : hidden;
    value = add(draft, {
      op: "linear",
      output,
      inputs: [value],
      params,
      attributes: { activation, transposed: false },
    });
  }
  return value;
}
