import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import {
  checkArguments,
  checkOptions,
  DataError,
  elements,
  type IdMapping,
  idDifference,
  type OptimizerSpec,
  type Program,
  type Session,
  stepValues,
} from "@fae/core";
import { checkpointKind, restoreKinds } from "./call-kinds.js";
import { digestOf } from "./canonical.js";
import { otherCheckpoint } from "./checkpoint-list.js";
import { type Checkpoint, type CheckpointManifest, programDigest } from "./checkpoint-manifest.js";
import {
  denseTensors,
  idsTensor,
  inverseOf,
  type OriginalIds,
  rowParts,
  sessionRows,
  type TensorShape,
  tableTensors,
} from "./checkpoint-tensors.js";
import { finiteWeights } from "./finite-weights.js";
import { openSafetensors, type Safetensors } from "./safetensors.js";

/** Reads every file of a checkpoint and of its base and compares digests. @throws DataError naming the first damaged file. */
export async function verifyCheckpoint(checkpoint: Checkpoint): Promise<void> {
  checkArguments("verifyCheckpoint", { checkpoint: [checkpoint, checkpointKind] });
  const { path, manifest, base } = checkpoint;
  if (base !== null) await verifyCheckpoint(base);
  for (const file of manifest.files) {
    const filePath = join(path, file.name);
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(filePath, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
    const found = hash.digest("hex");
    if (found !== file.sha256)
      throw new DataError(
        `Checkpoint '${path}' is damaged: the digest of '${file.name}' does not match the manifest.`,
        {
          fix: await otherCheckpoint(path),
          details: { path: filePath, found, expected: file.sha256 },
        },
      );
  }
}

export interface RestoreOptions {
  readonly session: Session;
  readonly program: Program;
  readonly optimizer: OptimizerSpec;
  /** By table name, for tables in popularity order; may differ from those at saving. */
  readonly originalIds?: Readonly<Record<string, OriginalIds>>;
  /** Digest of the data set before packing: what an older checkpoint, which does not say what its ids mean, is compared by. */
  readonly data?: string;
  /** What the original ids of the session's tables mean. */
  readonly ids?: IdMapping;
  /** `all` (default) continues a run; `weights` takes tables and parameters only, whatever the optimizer. */
  readonly parts?: "all" | "weights";
  /** Told, per table of a checkpoint that has a base, which rows of the session are not as in that base. */
  readonly onChanged?: (table: string, rows: Uint32Array) => void;
  /** Rows held in memory at a time, in bytes; default 16 MiB. */
  readonly chunkBytes?: number;
}

/**
 * Writes a checkpoint into a session, after its bytes are verified. Plan, engine, threads and popularity order may differ
 * from those of the run that saved it.
 *
 * @returns the `state` it was saved with.
 * @throws DataError when it is damaged, of another model, another optimizer or other data, before anything is written.
 */
export async function restoreCheckpoint(checkpoint: Checkpoint, options: RestoreOptions): Promise<unknown> {
  checkArguments("restoreCheckpoint", { checkpoint: [checkpoint, checkpointKind] });
  checkOptions<RestoreOptions>("restoreCheckpoint", options, restoreKinds);
  const { session, program, optimizer, originalIds = {}, parts = "all", chunkBytes = 16 * 2 ** 20 } = options;
  expectSameIds(checkpoint, options);
  expectSameModel(checkpoint, program);
  if (parts === "all") expectSameOptimizer(checkpoint, optimizer);
  await verifyCheckpoint(checkpoint);
  const saved = checkpoint.manifest.optimizer.name;
  const wanted = ({ name }: TensorShape): boolean => parts === "all" || !name.includes("#");
  for (const tensor of denseTensors(program, saved).filter(wanted)) {
    await using file = await openTensor(checkpoint, tensor);
    await session.write(tensor.name, finiteWeights(await file.floats(tensor.name), tensor.name, file.path));
  }
  for (const [t, tensors] of tableTensors(program, saved).entries()) {
    const table = program.tables[t];
    const inverse = await inverseOf(originalIds[table.name], table);
    for (const tensor of tensors.filter(wanted)) {
      await using file = await openTensor(checkpoint.base ?? checkpoint, tensor);
      await copyRows(file, tensor, session, chunkBytes, (from, to) => sessionRows(inverse, from, to));
    }
    if (checkpoint.base === null) continue;
    const rows = await changedRows(checkpoint, table, inverse);
    for (const { name, shape } of tensors.filter(wanted)) {
      const tensor = { name, shape: [rows.length, ...shape.slice(1)] };
      await using file = await openTensor(checkpoint, tensor);
      await copyRows(file, tensor, session, chunkBytes, (from, to) => rows.subarray(from, to));
    }
    options.onChanged?.(table.name, rows);
  }
  if (parts === "all") await session.write("#step", stepValues(checkpoint.manifest.step));
  return checkpoint.manifest.state;
}

async function copyRows(
  file: Safetensors,
  { name, shape }: TensorShape,
  session: Session,
  chunkBytes: number,
  rowsOf: (from: number, to: number) => Uint32Array,
): Promise<void> {
  const width = elements(shape.slice(1));
  for (const { from, to } of rowParts(shape, chunkBytes)) {
    const values = await file.floats(name, from * width, (to - from) * width);
    await session.write(name, finiteWeights(values, name, file.path, { from, width }), rowsOf(from, to));
  }
}

/** Session rows that a checkpoint has anew, in the order of its file. */
async function changedRows(
  { path, manifest }: Checkpoint,
  table: { readonly name: string; readonly rows: number },
  inverse: Uint32Array | null,
): Promise<Uint32Array> {
  const name = idsTensor(table.name);
  const entry = manifest.files.find((file) => file.tensors.includes(name));
  if (entry === undefined) throw await lacks(path, name, []);
  await using file = await openSafetensors(join(path, entry.name));
  const ids = await file.integers(name);
  const wrong = ids.findIndex((id) => id < 0 || id >= table.rows);
  if (wrong >= 0)
    throw new DataError(`Checkpoint '${path}' has row ${ids[wrong]} of table '${table.name}' of ${table.rows} rows.`, {
      fix: await otherCheckpoint(path),
      details: { path, table: table.name, found: ids[wrong], expected: table.rows },
    });
  return Uint32Array.from(ids, (id) => (inverse === null ? id : inverse[id]));
}

async function openTensor({ path, manifest }: Checkpoint, { name, shape }: TensorShape): Promise<Safetensors> {
  const entry = manifest.files.find((file) => file.tensors.includes(name));
  const file = entry === undefined ? undefined : await openSafetensors(join(path, entry.name));
  if (file?.tensors.get(name)?.shape.join() === shape.join()) return file;
  await file?.close();
  throw await lacks(path, name, shape);
}

const lacks = async (path: string, name: string, shape: readonly number[]): Promise<DataError> =>
  new DataError(`Checkpoint '${path}' has no tensor '${name}' [${shape.join(", ")}].`, {
    fix: await otherCheckpoint(path),
    details: { path, tensor: name, expected: shape },
  });

/** Says how two models differ, in the first tensor that does. */
function expectSameModel({ path, manifest }: Checkpoint, program: Program): void {
  const saved = manifest.program;
  if (saved.digest === programDigest(program)) return;
  const list = (p: CheckpointManifest["program"] | Program): string[] => [
    ...p.tables.map((table) => `table '${table.name}' [${table.rows}, ${p.width}]`),
    ...p.params.map((param) => `parameter '${param.name}' [${param.shape.join(", ")}]`),
  ];
  const [theirs, ours] = [list(saved), list(program)];
  const at = theirs.findIndex((tensor, i) => tensor !== ours[i]);
  const i = at === -1 ? theirs.length : at;
  const difference =
    theirs[i] === ours[i]
      ? "the tensors are the same, the operations are not"
      : `it has ${theirs[i] ?? "no more tensors"} where this model has ${ours[i] ?? "none"}`;
  const names =
    saved.name === program.name ? `'${saved.name}' of other sizes` : `'${saved.name}', not '${program.name}'`;
  throw new DataError(`Checkpoint '${path}' is of another model (${names}): ${difference}.`, {
    fix: "Use the model and the data set of the run that wrote it.",
    details: { path, found: theirs[i], expected: ours[i] },
  });
}

/**
 * Compares what ids mean; of an older checkpoint, which does not say it, the data sets.
 * @param given what is not given is not compared
 * @throws DataError naming the table that differs and how
 */
export function expectSameIds(
  { path, manifest }: Checkpoint,
  { ids, data }: Pick<RestoreOptions, "ids" | "data">,
): void {
  const refusal = (what: string, found: unknown, expected: unknown): DataError =>
    new DataError(`Checkpoint '${path}' ${what}.`, {
      fix: "Use data with the ids of the run that wrote it: its data set, a pack of it, or other inputs with the same vocabulary or hash.",
      details: { path, found, expected },
    });
  if (manifest.ids !== undefined && ids !== undefined) {
    const difference = idDifference(manifest.ids, ids);
    if (difference === null) return;
    throw refusal(`has ids that do not mean the rows of this data set: ${difference}`, manifest.ids, ids);
  }
  if (data === undefined || manifest.data === null || manifest.data === data) return;
  const [theirs, ours] = [manifest.data, data].map((digest) => digest.slice(0, 12));
  throw refusal(
    `was made from other data (${theirs}, not ${ours}) and does not say what its ids mean`,
    manifest.data,
    data,
  );
}

function expectSameOptimizer({ path, manifest }: Checkpoint, optimizer: OptimizerSpec): void {
  if (digestOf(manifest.optimizer) === digestOf(optimizer)) return;
  throw new DataError(`Checkpoint '${path}' has ${show(manifest.optimizer)}; this run has ${show(optimizer)}.`, {
    fix: "Continue with the same optimizer, or take only the weights.",
    details: { path, found: manifest.optimizer, expected: optimizer },
  });
}

const show = ({ name, epsilon, beta1, beta2 }: OptimizerSpec): string =>
  `optimizer ${name} (epsilon ${epsilon}, beta1 ${beta1}, beta2 ${beta2})`;
