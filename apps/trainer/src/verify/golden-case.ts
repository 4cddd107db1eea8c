import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import {
  type BatchSource,
  DataError,
  denseShape,
  elements,
  expectFile,
  noRow,
  type OptimizerName,
  type Program,
  type RowLayout,
  strideWords,
} from "@fae/core";
import { openSafetensors, type Safetensors } from "@fae/embedding-store";
import { dcnv2, deepfm, dlrm, tbsm } from "@fae/models";
import * as z from "zod";

/** Sizes beyond these are no test case; each head and step is a network or a batch in memory. */
const most = { rows: 2 ** 24, batch: 2 ** 20, steps: 2 ** 16, heads: 1024 };
/** float32 and float64 differ by less in a case worth comparing: a case may not excuse whatever an engine gives. */
const mostDifference = 1e-3;

const size = z.int().min(1).max(most.rows);
const sizes = z.array(size).min(1).max(1024);
const difference = z.number().min(0).max(mostDifference);
const common = {
  tables: sizes,
  embedding_dim: size,
  /** Without its computed first size. */
  top_mlp: sizes,
  optimizer: z.enum(["sgd", "adagrad", "rowwise_adagrad"]),
  lr: z.number().positive(),
  batch: z.int().min(1).max(most.batch),
  steps: z.int().min(1).max(most.steps),
  losses: z.array(z.number()),
  losses_float64: z.array(z.number()).optional(),
  float32_against_float64: z.object({ max_abs_loss: difference, max_abs_weight: difference }).optional(),
};

/** With F in front. */
const bottom = { bottom_mlp: sizes };

const caseSchema = z.discriminatedUnion("model", [
  z.object({
    model: z.literal("dlrm"),
    ...common,
    ...bottom,
    interaction: z.enum(["dot", "cat"]),
    interaction_itself: z.boolean(),
    bag: z.enum(["one", "multi"]),
  }),
  z.object({
    model: z.literal("tbsm"),
    ...common,
    ...bottom,
    tsl_mlp: sizes,
    mlp: sizes,
    ts_length: z.int().min(1).max(most.steps),
    tsl_heads: z.int().min(1).max(most.heads),
    tsl_seq: z.boolean(),
    tsl_inner: z.enum(["def", "ind", "dot"]),
    tsl_mechanism: z.enum(["mlp", "mul"]),
  }),
  z.object({
    model: z.literal("dcnv2"),
    ...common,
    ...bottom,
    cross_layers: z.int().min(1),
    cross_rank: z.int().min(1),
    structure: z.enum(["stacked", "parallel"]),
  }),
  z.object({ model: z.literal("deepfm"), ...common, dense_features: z.int().min(1) }),
]);

type CaseFile = z.infer<typeof caseSchema>;

/** Steps of the reference implementation: where they start, what they see, what they must give. */
export interface GoldenCase {
  readonly name: string;
  readonly program: Program;
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  readonly batch: number;
  /** One source of one batch per step. */
  readonly sources: readonly BatchSource[];
  /** By parameter and table name. */
  readonly initial: ReadonlyMap<string, Float32Array>;
  readonly final: ReadonlyMap<string, Float32Array>;
  /** dL/dw of the first step. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
  /** Probabilities before the update, per step. */
  readonly predictions: readonly Float32Array[];
  /** Mean loss before the update, per step: recorded in float32, and in float64 where that was recorded. */
  readonly losses: readonly number[];
  readonly losses64: readonly number[] | null;
  /** How far float32 and float64 are apart in this case. */
  readonly conditioning: { readonly loss: number; readonly weight: number };
}

/** Reads a case directory: `case.json` and `tensors.safetensors`. @throws DataError naming the file and the field. */
export async function readGoldenCase(directory: string): Promise<GoldenCase> {
  const recorded = await readCaseFile(join(directory, "case.json"));
  const program = programOf(recorded);
  await using tensors = await openSafetensors(join(directory, "tensors.safetensors"));
  const all = async (prefix: string): Promise<Map<string, Float32Array>> => {
    const values = new Map<string, Float32Array>();
    for (const { name, rows } of program.tables)
      values.set(name, await floats(tensors, `${prefix}.${name}`, rows * program.width));
    for (const { name, shape } of program.params)
      values.set(name, await floats(tensors, `${prefix}.${name}`, elements(shape)));
    return values;
  };
  const predictions: Float32Array[] = [];
  for (let step = 0; step < recorded.steps; step++)
    predictions.push(await floats(tensors, `step${step}.pred`, recorded.batch));
  return {
    name: basename(resolve(directory)),
    program,
    optimizer: recorded.optimizer === "rowwise_adagrad" ? "rowwise-adagrad" : recorded.optimizer,
    learningRate: recorded.lr,
    batch: recorded.batch,
    sources: await readSources(recorded, program, tensors),
    initial: await all("init"),
    final: await all("final"),
    gradients: await all("grad0"),
    predictions,
    losses: recorded.losses,
    losses64: recorded.losses_float64 ?? null,
    conditioning: {
      loss: recorded.float32_against_float64?.max_abs_loss ?? 0,
      weight: recorded.float32_against_float64?.max_abs_weight ?? 0,
    },
  };
}

function expectElements(tensors: Safetensors, name: string, expected: number): void {
  const { elements: found, shape } = tensors.tensor(name);
  if (found !== expected)
    throw new DataError(
      `Tensor '${name}' of '${tensors.path}' is [${shape.join(", ")}]; case.json asks for ${expected} values.`,
      {
        fix: "The two files belong to different cases; copy both again.",
        details: { path: tensors.path, tensor: name, found, expected },
      },
    );
}

async function floats(tensors: Safetensors, name: string, count: number): Promise<Float32Array> {
  expectElements(tensors, name, count);
  return tensors.floats(name);
}

async function readCaseFile(path: string): Promise<CaseFile> {
  const fix = "Give a directory with a case.json and a tensors.safetensors, as in test/golden.";
  expectFile(path);
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DataError(`'${path}' cannot be read: ${why}.`, { fix, details: { path }, cause: error });
  }
  const parsed = caseSchema.safeParse(json);
  if (!parsed.success)
    throw new DataError(`'${path}' is not a golden case: ${z.prettifyError(parsed.error)}.`, {
      fix,
      details: { path },
    });
  return parsed.data;
}

function programOf(recorded: CaseFile): Program {
  const { tables: tableRows, embedding_dim: width, top_mlp: topMlp } = recorded;
  if (recorded.model === "deepfm") return deepfm({ tableRows, width, denseFeatures: recorded.dense_features, topMlp });
  const [denseFeatures, ...bottomMlp] = recorded.bottom_mlp;
  const tower = { tableRows, width, denseFeatures, bottomMlp };
  switch (recorded.model) {
    case "dlrm": {
      const { interaction, interaction_itself: itself } = recorded;
      return dlrm({ ...tower, topMlp, interaction: interaction === "dot" && itself ? "dot-itself" : interaction });
    }
    case "dcnv2": {
      const { cross_layers: crossLayers, cross_rank: crossRank, structure } = recorded;
      return dcnv2({ ...tower, topMlp, crossLayers, crossRank, structure });
    }
    case "tbsm":
      return tbsm({
        ...tower,
        towerTopMlp: topMlp,
        history: recorded.ts_length,
        heads: recorded.tsl_heads,
        headHistory: recorded.tsl_seq ? "shortened" : "full",
        inner: recorded.tsl_inner,
        mechanism: recorded.tsl_mechanism,
        attentionMlp: recorded.tsl_mlp,
        headMlp: recorded.mlp,
      });
  }
}

/** Ids of one step, bag by bag: position `(input * S' + step) * T + table`. */
type Bags = readonly (readonly number[])[];

async function readSources(recorded: CaseFile, program: Program, tensors: Safetensors): Promise<BatchSource[]> {
  const { batch } = recorded;
  const tableCount = program.tables.length;
  const isMultiHot = recorded.model === "dlrm" && recorded.bag === "multi";
  const steps: Bags[] = [];
  for (let k = 0; k < recorded.steps; k++)
    steps.push(
      isMultiHot
        ? await multiHotBags(tensors, k, batch, tableCount)
        : await oneHotBags(tensors, k, batch * Math.max(1, program.steps) * tableCount),
    );
  const hotness = program.tables.map((_, t) =>
    Math.max(1, ...steps.map((bags) => Math.max(...bags.map((bag, i) => (i % tableCount === t ? bag.length : 0))))),
  );
  const layout: RowLayout = {
    denseFeatures: program.denseFeatures,
    denseEncoding: "float32",
    steps: program.steps,
    hotness,
  };
  const sources: BatchSource[] = [];
  for (const [k, bags] of steps.entries()) {
    const dense = await floats(tensors, `step${k}.dense`, batch * elements(denseShape(program)));
    const labels = await floats(tensors, `step${k}.label`, batch);
    const words = packRows(layout, labels, dense, bags);
    sources.push({ name: `step${k}`, layout, rows: batch, storage: { kind: "memory", words }, shuffleSeed: null });
  }
  return sources;
}

async function oneHotBags(tensors: Safetensors, k: number, count: number): Promise<Bags> {
  expectElements(tensors, `step${k}.sparse`, count);
  return Array.from(await tensors.integers(`step${k}.sparse`), (id) => [id]);
}

async function multiHotBags(tensors: Safetensors, k: number, batch: number, tableCount: number): Promise<Bags> {
  const bags: number[][] = new Array(batch * tableCount);
  for (let t = 0; t < tableCount; t++) {
    const ids = await tensors.integers(`step${k}.indices${t}`);
    expectElements(tensors, `step${k}.offsets${t}`, batch);
    const starts = await tensors.integers(`step${k}.offsets${t}`);
    for (let i = 0; i < batch; i++)
      bags[i * tableCount + t] = [...ids.subarray(starts[i], starts[i + 1] ?? ids.length)];
  }
  return bags;
}

/** Inputs in the row layout: label, then dense features and ids step by step, short bags filled with -1. */
function packRows(layout: RowLayout, labels: Float32Array, dense: Float32Array, bags: Bags): Uint32Array {
  const words = new Uint32Array(labels.length * strideWords(layout));
  const integers = new Int32Array(words.buffer);
  const floats = new Float32Array(words.buffer);
  const { denseFeatures, hotness } = layout;
  const steps = Math.max(1, layout.steps);
  let at = 0;
  for (let input = 0; input < labels.length; input++) {
    integers[at++] = labels[input];
    for (let s = 0; s < steps; s++) {
      const group = input * steps + s;
      for (let f = 0; f < denseFeatures; f++) floats[at++] = dense[group * denseFeatures + f];
      hotness.forEach((most, t) => {
        const bag = bags[group * hotness.length + t];
        for (let l = 0; l < most; l++) integers[at++] = bag[l] ?? noRow;
      });
    }
  }
  return words;
}
