/** Every op inside a program small enough to look at: checks an engine's kernels through its sessions. */
import { type BatchSource, idsPerStep, strideWords } from "../batch.js";
import type { Engine, Job } from "../engine.js";
import { interactionPairs } from "../ops/interact.js";
import type { Node, OpName, Value } from "../ops/types.js";
import { optimizerSpec } from "../optimizers/index.js";
import type { Plan, RouteName } from "../plan.js";
import { elements, type ParamSpec, type Program } from "../program.js";
import { Random } from "../random.js";
import { referenceEngine } from "../reference/engine.js";
import { normalizedSquaredError } from "./cases.js";

export interface OpProgram {
  readonly name: string;
  readonly op: OpName;
  readonly program: Program;
  readonly batch: number;
}

interface Sizes {
  readonly steps: number;
  readonly tables: number;
  readonly width: number;
  readonly denseFeatures: number;
  readonly batch: number;
}

type Attributes<K extends OpName> = Extract<Node, { op: K }>["attributes"];

/** Nodes in a row; `param` makes a parameter scaled for its number of inputs. */
function builder() {
  const params: ParamSpec[] = [];
  const nodes: Node[] = [];
  const add = <K extends OpName>(op: K, inputs: Value[], attributes: Attributes<K>, using: string[] = []): Value => {
    const output = `v${nodes.length}`;
    nodes.push({ op, output, inputs, params: using, attributes } as unknown as Node);
    return output;
  };
  const param = (shape: number[], fanIn: number): string => {
    const name = `p${params.length}`;
    params.push({ name, shape, init: { kind: "normal", deviation: Math.sqrt(1 / fanIn) } });
    return name;
  };
  const plain = { activation: "none", transposed: false } as const;
  const linear = (input: Value, k: number, m: number): Value =>
    add("linear", [input], plain, [param([m, k], k), param([m], k)]);
  return { params, nodes, add, param, linear };
}

type Builder = ReturnType<typeof builder>;

/** Builds a value of `values` numbers per input that depends on the op; a last linear node makes the logit of it. */
function opProgram(
  name: string,
  op: OpName,
  sizes: Sizes,
  build: (b: Builder, everything: Value, perStep: number) => readonly [Value, number],
): OpProgram {
  const { steps, tables, width, denseFeatures, batch } = sizes;
  const b = builder();
  const perStep = denseFeatures + tables * width;
  const needsConcat = op !== "interact";
  const everything = needsConcat ? b.add("concat", ["dense", "rows"], { keep: steps === 0 ? 0 : 1 }) : "rows";
  const [value, values] = build(b, everything, perStep);
  const flat = b.add("concat", [value], { keep: 0 });
  const logit = b.linear(flat, values, 1);
  const program: Program = {
    name,
    denseFeatures,
    steps,
    width,
    tables: Array.from({ length: tables }, (_, t) => ({
      name: `t${t}`,
      rows: 11,
      init: { kind: "uniform", bound: 1 },
    })),
    params: b.params,
    nodes: b.nodes,
    logit,
  };
  return { name: `${name} ${JSON.stringify(sizes)}`, op, program, batch };
}

const sizesOf = (batch: number, steps: number, tables: number, width: number, denseFeatures: number): Sizes => ({
  steps,
  tables,
  width,
  denseFeatures,
  batch,
});

function linearPrograms(): OpProgram[] {
  const make = (sizes: Sizes, m: number, attributes: Attributes<"linear">, hasBias: boolean) =>
    opProgram(`linear ${attributes.activation} to ${m}`, "linear", sizes, (b, x, k) => {
      const weight = b.param(attributes.transposed ? [k, m] : [m, k], k);
      const value = b.add("linear", [x], attributes, hasBias ? [weight, b.param([m], k)] : [weight]);
      return [value, m * Math.max(1, sizes.steps)];
    });
  return [
    make(sizesOf(1, 0, 1, 1, 1), 1, { activation: "none", transposed: false }, true),
    make(sizesOf(5, 0, 2, 3, 7), 17, { activation: "relu", transposed: false }, true),
    make(sizesOf(33, 0, 3, 16, 16), 70, { activation: "relu", transposed: false }, true),
    make(sizesOf(7, 3, 2, 4, 1), 15, { activation: "sigmoid", transposed: false }, true),
    make(sizesOf(6, 0, 2, 5, 5), 15, { activation: "none", transposed: false }, false),
    make(sizesOf(6, 0, 2, 5, 5), 9, { activation: "none", transposed: true }, false),
    make(sizesOf(4, 2, 1, 6, 2), 11, { activation: "sigmoid", transposed: true }, true),
  ];
}

function interactPrograms(): OpProgram[] {
  const make = (sizes: Sizes, self: boolean) =>
    opProgram(self ? "interact with itself" : "interact", "interact", sizes, (b) => {
      const x = b.linear("dense", sizes.denseFeatures, sizes.width);
      const value = b.add("interact", [x, "rows"], { self });
      return [value, (sizes.width + interactionPairs(sizes.tables, self)) * Math.max(1, sizes.steps)];
    });
  return [
    make(sizesOf(2, 0, 1, 1, 1), false),
    make(sizesOf(6, 0, 3, 16, 2), false),
    make(sizesOf(5, 0, 26, 8, 3), false),
    make(sizesOf(3, 0, 26, 64, 3), false),
    make(sizesOf(4, 0, 3, 7, 2), true),
    make(sizesOf(3, 4, 3, 16, 1), false),
    make(sizesOf(3, 2, 2, 5, 1), true),
  ];
}

function sequencePrograms(): OpProgram[] {
  const sliced = (from: number, to: number, squeeze: boolean) =>
    opProgram(`slice ${from}..${to}`, "slice", sizesOf(4, 5, 2, 3, 1), (b, x, k) => [
      b.add("slice", [x], { from, to, squeeze }),
      (to - from) * k,
    ]);
  const normalized = (sizes: Sizes, epsilon: number) =>
    opProgram(`normalize ${epsilon}`, "normalize", sizes, (b, x, k) => [
      b.add("normalize", [x], { epsilon }),
      k * Math.max(1, sizes.steps),
    ]);
  const attention = (op: "batch-dot" | "weighted-sum", sizes: Sizes) =>
    opProgram(op, op, sizes, (b, x, k) => {
      const rows = sizes.steps - 1;
      const history = b.add("slice", [x], { from: 0, to: rows, squeeze: false });
      const query = b.add("slice", [x], { from: rows, to: rows + 1, squeeze: true });
      if (op === "batch-dot") return [b.add(op, [history, query], {}), rows];
      return [b.add(op, [b.linear(query, k, rows), history], {}), k];
    });
  const concat = (sizes: Sizes, keep: number) =>
    opProgram(`concat keep ${keep}`, "concat", sizes, (b, x, k) => [
      b.add("concat", [x, "rows", x], { keep }),
      (2 * k + sizes.tables * sizes.width) * Math.max(1, sizes.steps),
    ]);
  return [
    sliced(0, 4, false),
    sliced(4, 5, true),
    sliced(1, 3, false),
    normalized(sizesOf(5, 0, 2, 6, 3), 1e-12),
    normalized(sizesOf(3, 4, 1, 6, 1), 1e-12),
    normalized(sizesOf(3, 0, 1, 4, 1), 100),
    attention("batch-dot", sizesOf(4, 21, 2, 7, 1)),
    attention("batch-dot", sizesOf(2, 2, 1, 2, 1)),
    attention("weighted-sum", sizesOf(4, 21, 2, 7, 1)),
    attention("weighted-sum", sizesOf(2, 2, 1, 2, 1)),
    concat(sizesOf(5, 0, 3, 8, 4), 0),
    concat(sizesOf(4, 3, 2, 5, 2), 1),
  ];
}

/** Sizes on both sides of vector widths and block edges, with and without steps. */
export const opPrograms = (): OpProgram[] => [...linearPrograms(), ...interactPrograms(), ...sequencePrograms()];

export interface OpCheckOptions {
  /** Route that runs the step; default `host`. */
  readonly route?: "host" | "device" | "hybrid";
  /** Largest normalised squared error of the loss and of each tensor's gradient; default 1e-7, for float32. */
  readonly limit?: number;
}

/**
 * Runs two SGD steps of rate 1 in every op program, so that tensors change by exactly their gradients, and compares with the
 * float64 reference. @returns what is off, one line each.
 */
export async function checkOps(
  engine: Engine,
  { route = "host", limit = 1e-7 }: OpCheckOptions = {},
): Promise<string[]> {
  const lines: string[] = [];
  for (const { name, program, batch } of opPrograms()) {
    const job = jobOf(program, batch);
    const actual = await changes(engine, { ...job, plan: planOf(program, route) }, route);
    const expected = await changes(referenceEngine(), { ...job, plan: planOf(program, "host") }, "host");
    for (const [tensor, values] of expected) {
      const error = normalizedSquaredError(actual.get(tensor) ?? [], values);
      if (!(error <= limit)) lines.push(`${name}: normalised squared error of ${tensor} is ${error}, limit ${limit}`);
    }
  }
  return lines;
}

function planOf(program: Program, route: RouteName): Plan {
  const placement = route === "device" ? ({ on: "device" } as const) : ({ on: "host" } as const);
  return {
    strategy: route,
    placements: Object.fromEntries(program.tables.map(({ name }) => [name, placement])),
    routes: [route],
    devices: 1,
    lookAhead: 0,
    servers: 1,
    staleness: 0,
  };
}

function jobOf(program: Program, batch: number): Omit<Job, "plan"> {
  const { denseFeatures, steps } = program;
  const layout = { denseFeatures, denseEncoding: "float32", steps, hotness: program.tables.map(() => 1) } as const;
  const random = new Random(batch);
  const rows = batch + Math.ceil(batch / 2);
  const words = new Int32Array(rows * strideWords(layout));
  const floats = new Float32Array(words.buffer);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    words[at++] = random.below(2);
    for (let step = 0; step < Math.max(1, steps); step++) {
      for (let f = 0; f < denseFeatures; f++) floats[at++] = 2 * random.next() - 1;
      for (let l = 0; l < idsPerStep(layout); l++) words[at++] = random.below(11);
    }
  }
  const storage = { kind: "memory", words: new Uint32Array(words.buffer) } as const;
  const source: BatchSource = { name: "inputs", layout, rows, storage, shuffleSeed: null };
  return { program, optimizer: optimizerSpec("sgd"), sources: [source], batch, seed: 7, threads: 1 };
}

/** Losses, and by how much each tensor moved. */
async function changes(engine: Engine, job: Job, route: RouteName): Promise<Map<string, Float64Array>> {
  await using session = await engine.open(job);
  const result = new Map<string, Float64Array>();
  const tensors = [...job.program.tables, ...job.program.params].map(({ name }) => name);
  for (const { name, shape } of job.program.params) {
    const random = new Random(elements(shape));
    const deviation = Math.sqrt(1 / (shape[1] ?? shape[0]));
    await session.write(
      name,
      Float32Array.from({ length: elements(shape) }, () => deviation * (2 * random.next() - 1)),
    );
  }
  for (const name of tensors) result.set(name, Float64Array.from(await session.read(name)));
  const batches = Uint32Array.of(0, 1);
  const { losses } = await session.run({ kind: "segment", route, source: "inputs", epoch: 0, batches }, [1, 1]);
  for (const name of tensors) {
    const after = await session.read(name);
    result.set(name, result.get(name)?.map((before, i) => after[i] - before) ?? new Float64Array(0));
  }
  return result.set("losses", losses);
}
