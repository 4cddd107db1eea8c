/** What the caller hands to an engine, checked and copied when it arrives: see plain.ts. */
import type { BatchSource, RowLayout } from "./batch.js";
import type { Job, TableStart } from "./engine.js";
import { ConfigError } from "./errors.js";
import { type Node, type OpName, opOf, ops } from "./ops/index.js";
import { optimizerSpec } from "./optimizers/index.js";
import type { OptimizerName, OptimizerSpec } from "./optimizers/types.js";
import {
  boolean,
  choice,
  finite,
  largestSize,
  listOf,
  number,
  object,
  optional,
  type Read,
  recordOf,
  size,
  text,
  typed,
  whole,
  word,
} from "./plain.js";
import type { Placement, Plan, Segment } from "./plan.js";
import type { Init, ParamSpec, Program, TableSpec } from "./program.js";

const node: Read<Node> = (value, path) => {
  const { op } = object({ op: choice(...(Object.keys(ops) as OpName[])) })(value, path);
  return object({
    op: () => op,
    output: text,
    inputs: listOf(text),
    params: listOf(text),
    attributes: opOf(op).attributes as Read<object>,
  })(value, path) as Node;
};

const init: Read<Init> = (value, path) => {
  const { kind } = object({ kind: choice("uniform", "normal", "zeros") })(value, path);
  if (kind === "uniform") return { kind, ...object({ bound: finite })(value, path) };
  if (kind === "normal") return { kind, ...object({ deviation: finite })(value, path) };
  return { kind };
};

/** The types of a program; what its sizes and names must be is checked by `compile`. @throws ConfigError */
export const readProgram: Read<Program> = object<Program>({
  name: text,
  denseFeatures: number,
  steps: number,
  width: number,
  tables: listOf(object<TableSpec>({ name: text, rows: number, init })),
  params: listOf(object<ParamSpec>({ name: text, shape: listOf(number), init })),
  nodes: listOf(node),
  logit: text,
});

const placement: Read<Placement> = (value, path) => {
  const { on } = object({ on: choice("host", "device", "split") })(value, path);
  return on === "split" ? { on, ...object({ hotRows: number })(value, path) } : { on };
};

/** The types of a plan; whether it can be carried out is checked by `planProblems`. @throws ConfigError */
export const readPlan: Read<Plan> = object<Plan>({
  strategy: text,
  placements: recordOf(placement),
  routes: listOf(choice("host", "hybrid", "server", "hot", "mixed", "device")),
  devices: number,
  lookAhead: number,
  servers: number,
  staleness: number,
});

const optimizer: Read<OptimizerSpec> = (value, path) => {
  const { name, ...options } = object<{
    name: OptimizerName;
    epsilon: number | undefined;
    beta1: number | undefined;
    beta2: number | undefined;
  }>({
    name: text as Read<OptimizerName>,
    epsilon: optional(number),
    beta1: optional(number),
    beta2: optional(number),
  })(value, path);
  return optimizerSpec(name, options as Partial<OptimizerSpec>);
};

const storage: Read<BatchSource["storage"]> = (value, path) => {
  const { kind } = object({ kind: choice("file", "memory") })(value, path);
  return kind === "file"
    ? { kind, ...object({ path: text })(value, path) }
    : { kind, ...object({ words: typed<Uint32Array>("Uint32Array") })(value, path) };
};

const source: Read<BatchSource> = object<BatchSource>({
  name: text,
  layout: object<RowLayout>({
    denseFeatures: size,
    denseEncoding: choice("float32", "int32-log1p"),
    steps: size,
    hotness: listOf(whole(0, 2 ** 16)),
  }),
  rows: whole(0, 2 ** 32 - 2),
  storage,
  shuffleSeed: (value, path) => (value === null || value === undefined ? null : word(value, path)),
});

const jobFields = object<Job>({
  program: readProgram,
  plan: readPlan,
  optimizer,
  sources: listOf(source),
  batch: whole(1, largestSize),
  seed: word,
  tables: optional(recordOf(object<TableStart>({ originalIdsPath: optional(text), mappedPath: optional(text) }))),
  threads: whole(0, 1024),
  matmul: optional(choice("float32", "tf32", "bf16")),
  rowType: optional(choice("float32", "bf16")),
  deterministic: optional(boolean),
});

/** The types of a job and of everything in it, copied but for the words of memory sources. @throws ConfigError */
export function readJob(value: Job): Job {
  const job = jobFields(value, "");
  const names = new Set<string>();
  for (const { name } of job.sources) {
    if (names.has(name))
      throw new ConfigError(`Two sources are named '${name}'.`, { fix: "Rename one.", details: { option: "sources" } });
    names.add(name);
  }
  for (const name of Object.keys(job.tables ?? {}))
    if (!job.program.tables.some((table) => table.name === name))
      throw new ConfigError(`The job starts table '${name}', which the program does not have.`, {
        fix: `Tables: ${job.program.tables.map((table) => table.name).join(", ")}.`,
        details: { option: "tables", found: name },
      });
  return job;
}

/** The names that a call on a session is given, and the numbers of rows. @throws ConfigError */
export const readAccess = (name: string, rows: Uint32Array | undefined): { name: string; rows?: Uint32Array } => ({
  name: text(name, "name"),
  ...(rows !== undefined && rows !== null && { rows: typed<Uint32Array>("Uint32Array")(rows, "rows") }),
});

export const readValues = (data: Float32Array): Float32Array => typed<Float32Array>("Float32Array")(data, "data");

const segmentFields = object<Segment>({
  kind: choice("segment"),
  route: text as Read<Segment["route"]>,
  source: text,
  epoch: word,
  batches: (value, path) => typed<Uint32Array>("Uint32Array")(value, path).slice(),
});

/** A segment and its learning rates, copied. @throws ConfigError */
export const readSegment = (segment: Segment, learningRates: readonly number[]) => ({
  segment: segmentFields(segment, "segment"),
  learningRates: listOf(finite)(learningRates, "learningRates"),
});
