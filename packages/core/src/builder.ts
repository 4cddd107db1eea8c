import { compile } from "./compile.js";
import type { Activation } from "./ops/activations.js";
import { type Node, type OpAttributes, type OpName, opOf } from "./ops/index.js";
import { lastOf } from "./ops/shape.js";
import type { Shape, Value } from "./ops/types.js";
import { denseShape, type Init, type ParamSpec, type Program, rowsShape, type TableSpec } from "./program.js";

export interface BuilderOptions {
  readonly name: string;
  /** F, per step. */
  readonly denseFeatures: number;
  /** D. */
  readonly width: number;
  /** S; default 0: no sequence. */
  readonly steps?: number;
}

export interface NodeOptions {
  /** Of the node's output, and of the parameters it gets; default: the op's name and a number. */
  readonly name?: string;
}

export interface LinearOptions extends NodeOptions {
  /** Default true. */
  readonly bias?: boolean;
}

export interface MlpOptions {
  /** Layers are `<name>.0`, `<name>.2`, ...: PyTorch numbers the activations of a Sequential too. */
  readonly name?: string;
  /** Default `relu`. */
  readonly hidden?: Activation;
  /** Default: as `hidden`. */
  readonly last?: Activation;
}

/**
 * Writes a program down, node after node. Values are names; every method that adds a node returns the name of its output and
 * checks its operands at once (@throws ShapeError). Shapes are without B: `dense` is `[(S,) F]`, `rows` `[(S,) T, D]`.
 */
export class ProgramBuilder {
  readonly dense: Value = "dense";
  /** Pooled rows of the tables; add the tables first. */
  readonly rows: Value = "rows";
  readonly #options: Required<BuilderOptions>;
  readonly #tables: TableSpec[] = [];
  readonly #params: ParamSpec[] = [];
  readonly #nodes: Node[] = [];
  readonly #shapes = new Map<Value, Shape>();

  constructor({ steps = 0, ...options }: BuilderOptions) {
    this.#options = { ...options, steps };
  }

  /** Adds a table of `rows` rows; default start U(-1/sqrt(rows), 1/sqrt(rows)), as the reference DLRM. */
  table(name: string, rows: number, init: Init = { kind: "uniform", bound: Math.sqrt(1 / rows) }): void {
    this.#tables.push({ name, rows, init });
  }

  /** Adds tables `<prefix>emb_l.<t>.weight`. */
  tables(tableRows: readonly number[], prefix = ""): void {
    tableRows.forEach((rows, t) => {
      this.table(`${prefix}emb_l.${t}.weight`, rows);
    });
  }

  /** Adds a parameter and returns its name, for `op`; default start N(0, 2 / (M + K)) for `[M, K]`, N(0, 1 / M) for `[M]`. */
  param(name: string, shape: Shape, init?: Init): string {
    const variance = shape.length === 2 ? 2 / (shape[0] + shape[1]) : 1 / lastOf(shape);
    this.#params.push({ name, shape, init: init ?? { kind: "normal", deviation: Math.sqrt(variance) } });
    return name;
  }

  /** Shape of a value, without B. @throws RangeError when there is none of that name. */
  shape(value: Value): Shape {
    const { denseFeatures, steps, width } = this.#options;
    if (value === "dense") return denseShape({ denseFeatures, steps });
    if (value === "rows") return rowsShape({ steps, tables: this.#tables, width });
    const shape = this.#shapes.get(value);
    if (shape === undefined) throw new RangeError(`Program '${this.#options.name}' has no value '${value}' yet.`);
    return shape;
  }

  /** Any op, by name: what the other methods do. `params`: names that `param` returned. */
  op<K extends OpName>(
    op: K,
    inputs: readonly Value[],
    attributes: OpAttributes[K],
    { name, params = [] }: NodeOptions & { readonly params?: readonly string[] } = {},
  ): Value {
    const output = name ?? this.#free(op);
    const node = { op, output, inputs, params, attributes } as unknown as Node;
    const paramShapes = params.map((param) => this.#params.find((spec) => spec.name === param)?.shape ?? []);
    const inputShapes = inputs.map((input) => this.shape(input));
    this.#shapes.set(output, opOf(op).shape(node, inputShapes, paramShapes));
    this.#nodes.push(node);
    return output;
  }

  /** `activation(W x + b)` over the last axis: `[..., K]` becomes `[..., M]`. Adds `<name>.weight` `[M, K]` and `<name>.bias` `[M]`. */
  linear(x: Value, m: number, activation: Activation = "none", { name, bias = true }: LinearOptions = {}): Value {
    const output = name ?? this.#free("linear");
    const params = [this.param(`${output}.weight`, [m, lastOf(this.shape(x))])];
    if (bias) params.push(this.param(`${output}.bias`, [m]));
    return this.op("linear", [x], { activation, transposed: false }, { name: output, params });
  }

  /** Linear layers of `sizes` values, one behind the other. */
  mlp(
    x: Value,
    sizes: readonly number[],
    { name = this.#free("mlp"), hidden = "relu", last = hidden }: MlpOptions = {},
  ): Value {
    return sizes.reduce((value, m, layer) => {
      const activation = layer === sizes.length - 1 ? last : hidden;
      return this.linear(value, m, activation, { name: `${name}.${2 * layer}` });
    }, x);
  }

  /** x `[..., D]` and its dots with and among `rows` `[..., T, D]`: `[..., D + pairs]`; `self`: with each vector's own. */
  interact(x: Value, rows: Value, { self = false, ...options }: NodeOptions & { readonly self?: boolean } = {}): Value {
    return this.op("interact", [x, rows], { self }, options);
  }

  /** Side by side behind the first `keep` axes, default 0: `[keep..., sum of the rest]`. */
  concat(values: readonly Value[], { keep = 0, ...options }: NodeOptions & { readonly keep?: number } = {}): Value {
    return this.op("concat", values, { keep }, options);
  }

  /** Steps `from` to `to` (excluded) of an axis, default the first; `squeeze` drops the axis, for one step. */
  slice(
    x: Value,
    [from, to]: readonly [number, number],
    {
      axis = 0,
      squeeze = false,
      ...options
    }: NodeOptions & { readonly axis?: number; readonly squeeze?: boolean } = {},
  ): Value {
    return this.op("slice", [x], { from, to, squeeze, ...(axis > 0 ? { axis } : {}) }, options);
  }

  /** `x / max(|x|, epsilon)` over the last axis. */
  normalize(x: Value, { epsilon = 1e-12, ...options }: NodeOptions & { readonly epsilon?: number } = {}): Value {
    return this.op("normalize", [x], { epsilon }, options);
  }

  /** `a[r] = H[r] . q`: `[R, K]` and `[K]` become `[R]`. */
  batchDot(h: Value, q: Value, options: NodeOptions = {}): Value {
    return this.op("batch-dot", [h, q], {}, options);
  }

  /** `sum_r y[r] H[r]`: `[R]` and `[R, K]` become `[K]`. */
  weightedSum(y: Value, h: Value, options: NodeOptions = {}): Value {
    return this.op("weighted-sum", [y, h], {}, options);
  }

  /** `a * b`, element by element; both of one shape. */
  multiply(a: Value, b: Value, options: NodeOptions = {}): Value {
    return this.op("multiply", [a, b], {}, options);
  }

  /** Sum of values of one shape, each times its factor of `scales` (default 1): `[1, -1]` subtracts. */
  add(
    values: readonly Value[],
    { scales = values.map(() => 1), ...options }: NodeOptions & { readonly scales?: readonly number[] } = {},
  ): Value {
    return this.op("add", values, { scales }, options);
  }

  /** `relu(x)` or `sigmoid(x)`; `linear` has its own. */
  activation(x: Value, kind: Exclude<Activation, "none">, options: NodeOptions = {}): Value {
    return this.op("activation", [x], { kind }, options);
  }

  /** Sum over an axis, default the first; its size becomes 1, or `squeeze` drops it. */
  reduceSum(
    x: Value,
    {
      axis = 0,
      squeeze = false,
      ...options
    }: NodeOptions & { readonly axis?: number; readonly squeeze?: boolean } = {},
  ): Value {
    return this.op("reduce-sum", [x], { axis, squeeze }, options);
  }

  /** The program, checked. @param logit value of shape `[1]` whose sigmoid is the click probability. @throws ShapeError */
  build(logit: Value): Program {
    const { name, denseFeatures, steps, width } = this.#options;
    const program: Program = {
      name,
      denseFeatures,
      steps,
      width,
      tables: [...this.#tables],
      params: [...this.#params],
      nodes: [...this.#nodes],
      logit,
    };
    compile(program);
    return program;
  }

  /** `<stem>0`, `<stem>1`, ...: the first that no value has. */
  #free(stem: string): string {
    let number = 0;
    while (this.#shapes.has(`${stem}${number}`) || this.#shapes.has(`${stem}${number}.0`)) number++;
    return `${stem}${number}`;
  }
}
