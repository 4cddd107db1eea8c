/** Every case of every op inside a program around it: checks an engine's kernels through its sessions. */
import { type BatchSource, idsPerStep, strideWords } from "../batch.js";
import { ProgramBuilder } from "../builder.js";
import type { Engine, Job } from "../engine.js";
import type { OpName } from "../ops/index.js";
import { elements, lastOf, sameShape } from "../ops/shape.js";
import type { Shape, Value } from "../ops/types.js";
import { optimizerSpec } from "../optimizers/index.js";
import type { Plan, RouteName } from "../plan.js";
import type { Program } from "../program.js";
import { Random } from "../random.js";
import { referenceEngine } from "../reference/engine.js";
import { type NamedOpCase, normalizedSquaredError, opCases } from "./cases.js";

export interface OpProgram {
  readonly name: string;
  readonly op: OpName;
  readonly program: Program;
  readonly batch: number;
}

/** F of every op program. */
const denseFeatures = 3;

/** Sizes of a program whose value `rows` has the shape of the case's input of most axes, when that has two or three. */
function sizesOf(inputs: readonly Shape[]): { rowsInput: number; steps: number; tables: number; width: number } {
  const axes = Math.max(...inputs.map((shape) => shape.length));
  const rowsInput = axes < 2 ? -1 : inputs.findIndex((shape) => shape.length === axes);
  if (axes > 3) throw new RangeError(`A case has an input of ${axes} axes; a program gives at most 3.`);
  const [width, tables, steps] = rowsInput < 0 ? [4, 2, 0] : [...inputs[rowsInput]].reverse();
  return { rowsInput, steps: steps ?? 0, tables, width };
}

/**
 * A program around one case: its largest input is `rows` (or, when all inputs are vectors, linear in dense features and rows),
 * the others are linear in what the program is given; the logit is linear in the op's output.
 */
export function opProgram({ name, node, batch, inputShapes, paramShapes }: NamedOpCase): OpProgram {
  const { rowsInput, steps, tables, width } = sizesOf(inputShapes);
  const b = new ProgramBuilder({ name: node.op, denseFeatures, steps, width });
  for (let t = 0; t < tables; t++) b.table(`t${t}`, 11, { kind: "uniform", bound: 1 });
  const lead = steps === 0 ? [] : [steps];
  let everything: Value | undefined;
  const source = (shape: Shape, index: number): Value => {
    if (index === rowsInput) return b.rows;
    if (sameShape(shape.slice(0, -1), [...lead, tables])) return b.linear(b.rows, lastOf(shape));
    if (rowsInput >= 0 && sameShape(shape.slice(0, -1), lead)) return b.linear(b.dense, lastOf(shape));
    everything ??= b.concat([b.dense, b.rows]);
    return b.linear(everything, lastOf(shape));
  };
  const inputs = inputShapes.map(source);
  const params = paramShapes.map((shape, i) => b.param(`p${i}`, shape));
  const output = b.op(node.op, inputs, node.attributes, { params });
  const program = b.build(b.linear(b.concat([output]), 1));
  return { name, op: node.op, program, batch };
}

/** Every case inside its own program. */
export const opPrograms = (): OpProgram[] => opCases.map(opProgram);

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
