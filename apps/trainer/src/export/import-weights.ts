import { checkOptions, DataError, is, optimizerSpec, type Program, type Shape, stepValues } from "@fae/core";
import {
  checkpointBytes,
  finiteWeights,
  openSafetensors,
  openTable,
  type Safetensors,
  saveCheckpoint,
  type Table,
} from "@fae/embedding-store";
import { dataShape, findModel, type ModelOptions, referenceShape } from "@fae/models";
import { stopIfAborted } from "../cli/interrupted.js";
import { keysOf } from "../predict/model-keys.js";
import { expectRoom } from "../train/disk-room.js";
import { identityOf, modelState, openData } from "../train/model-state.js";
import { expectFree, stageDirectory } from "../train/run-directory.js";
import { withOutput } from "../train/with-output.js";
import { expectIds } from "./description.js";

export interface ImportOptions {
  /** Safetensors file with the parameter names of facebookresearch/dlrm or facebookresearch/tbsm. */
  readonly weights: string;
  readonly model: string;
  readonly modelOptions?: ModelOptions;
  /** Prepared data set whose ids the rows have. */
  readonly data: string;
  /** Directory of checkpoints to make; must not exist. */
  readonly out: string;
  readonly signal?: AbortSignal;
}

const kinds: Shape<ImportOptions> = {
  weights: is.text,
  model: is.text,
  modelOptions: is.maybe(is.having("an object of sizes")),
  data: is.text,
  out: is.text,
  signal: is.maybe(is.signal),
};

export interface ImportReport {
  readonly checkpoint: string;
  /** Whether the file said what its ids mean, and it is what those of the data set mean; false: a file of another program. */
  readonly idsStated: boolean;
  readonly model: string;
  readonly tensors: number;
  readonly bytes: number;
}

/**
 * Makes a checkpoint of weights that were trained elsewhere: for `evaluate`, `predict`, `export` and as a start of `train`.
 * Tables are streamed. It has no optimizer state and counts as 0 updates.
 * @throws DataError naming the tensor that is missing, too much, of another shape or not finite, or the table whose ids differ; ConfigError when `out` exists
 */
export async function importWeights(options: ImportOptions): Promise<ImportReport> {
  checkOptions("importWeights", options, kinds);
  expectFree(options.out);
  return withOutput(options.out, () => importFresh(options));
}

async function importFresh(options: ImportOptions): Promise<ImportReport> {
  const { model, modelOptions = {}, out } = options;
  const data = await openData(options.data);
  const program = findModel(model).build(dataShape(data), modelOptions);
  await using file = await openSafetensors(options.weights);
  const description = expectIds(file, data.ids);
  expectTensors(file, program);
  const keptNegatives = description?.output.keptNegatives ?? data.keptNegatives;
  expectRoom(out, checkpointBytes(program, "sgd"), `Model ${program.name}`);
  const staged = stageDirectory(out);
  const tables = new Map<string, Table>();
  try {
    for (const { name } of program.tables) tables.set(name, await openTable(options.weights, name, { cacheBytes: 0 }));
    const { bytes } = await saveCheckpoint(staged.path, {
      session: {
        async read(name, rows = new Uint32Array(0)) {
          stopIfAborted(options.signal, "The import");
          if (name === "#step") return stepValues(0);
          const table = tables.get(name);
          if (table === undefined) return finiteWeights(await file.floats(name), name, options.weights);
          const values = await table.lookup(rows);
          return finiteWeights(values, name, options.weights, { from: rows[0], width: table.width });
        },
      },
      program,
      optimizer: optimizerSpec("sgd"),
      state: modelState({ model, modelOptions }, { ...data, keptNegatives }),
      ...identityOf(data),
      keys: await keysOf(data),
    });
    staged.commit();
    const idsStated = description !== null;
    return { idsStated, checkpoint: out, model: program.name, tensors: file.tensors.size, bytes };
  } finally {
    for (const table of tables.values()) await table.close();
    staged.discard();
  }
}

/** Exactly the model's tensors, in the reference's shapes or ours. */
function expectTensors(file: Safetensors, program: Program): void {
  const { path, tensors } = file;
  const refusal = (what: string, details: Record<string, unknown>): DataError =>
    new DataError(`'${path}' does not fit model ${program.name}: ${what}.`, {
      fix: "Give the weights of this model, trained on data with the same tables.",
      details: { path, ...details },
    });
  const expected = new Map<string, readonly number[]>([
    ...program.tables.map(({ name, rows }) => [name, [rows, program.width]] as const),
    ...program.params.map((param) => [param.name, param.shape] as const),
  ]);
  for (const [name, shape] of expected) {
    const found = tensors.get(name)?.shape;
    if (found === undefined)
      throw refusal(`it has no tensor '${name}' [${shape.join(", ")}]`, { name, expected: shape });
    if (![shape, referenceShape({ name, shape })].some((fitting) => fitting.join() === found.join())) {
      const what = `'${name}' is [${found.join(", ")}], expected [${shape.join(", ")}]`;
      throw refusal(what, { name, found, expected: shape });
    }
  }
  const extra = [...tensors.keys()].find((name) => !expected.has(name));
  if (extra !== undefined) throw refusal(`the model has no tensor '${extra}'`, { name: extra });
}
