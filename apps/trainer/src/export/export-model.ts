import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { checkOptions, DataError, elements, is, noRow, type ParamSpec, type Shape } from "@fae/core";
import { type NpyStream, writeNpzStreams } from "@fae/datasets";
import { disk, verifyCheckpoint, writeSafetensors } from "@fae/embedding-store";
import { onnxModel, referenceShape } from "@fae/models";
import { stopIfAborted, unlessAborted } from "../cli/interrupted.js";
import { carriedKeys, dataKeys, type ModelKeys } from "../predict/model-keys.js";
import { dataOf, openSaved, type SavedModel, trainedOn } from "../predict/saved-model.js";
import { readParameter, readTable } from "../predict/weights.js";
import { expectRoom } from "../train/disk-room.js";
import { withOutput } from "../train/with-output.js";
import { describe, descriptionKey } from "./description.js";
import { freshPath, type StagedFile, type StagedPath, stageFile, stagePath } from "./stage-file.js";
import { missingIds, writeKeys } from "./write-keys.js";

export const exportFormats = ["safetensors", "onnx", "npz"] as const;
export type ExportFormat = (typeof exportFormats)[number];

export interface ExportOptions {
  /** A run directory or a checkpoint. */
  readonly model: string;
  readonly format: ExportFormat;
  /**
   * File to write. Beside it go `<out>.json`, which describes inputs and ids, with a vocabulary `<out>.keys.tsv`, and the weights of
   * ONNX `<out>.data`. None may exist.
   */
  readonly out: string;
  /** Prepared data set that the model was trained on, where the checkpoint does not tell the layout of its inputs. */
  readonly data?: string;
  readonly signal?: AbortSignal;
  onProgress?(bytesDone: number, bytesTotal: number): void;
}

const kinds: Shape<ExportOptions> = {
  model: is.text,
  format: is.oneOf(exportFormats),
  out: is.text,
  data: is.maybe(is.text),
  signal: is.maybe(is.signal),
  onProgress: is.maybe(is.call),
};

export interface ExportReport {
  readonly checkpoint: string;
  readonly step: number;
  readonly model: string;
  readonly format: ExportFormat;
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** Why the export does not say how a key becomes an id; null: it does. Only of checkpoints that an older version wrote. */
  readonly vocabularyLack: string | null;
  readonly tensors: number;
  readonly seconds: number;
}

/** A table or parameter under its reference name, read when asked for. Tables have rows in original ids. */
interface Weights {
  readonly name: string;
  readonly shape: readonly number[];
  chunks(): AsyncGenerator<Float32Array>;
}

/**
 * Writes a trained model for others: safetensors and npz with the names and shapes of facebookresearch/dlrm and
 * facebookresearch/tbsm, or an ONNX graph that predicts; with what goes in (order, dense values, how a key becomes an id, digest
 * by table) in a file beside and in the metadata of safetensors and ONNX. Optimizer state stays behind. The checkpoint is verified first;
 * tables are streamed, so memory does not grow with them; files appear whole or not at all.
 * @throws ConfigError when `out` exists, or somebody else made it meanwhile, DataError when the checkpoint is damaged, FaeError ERR_DISK_FULL, ERR_INTERRUPTED
 */
export async function exportModel(options: ExportOptions): Promise<ExportReport> {
  checkOptions("exportModel", options, kinds);
  const { format, out } = options;
  freshPath(out);
  for (const ending of [descriptionEnding, ...(format === "onnx" ? [dataEnding] : [])]) freshPath(`${out}${ending}`);
  return withOutput(out, () => exportFresh(options));
}

async function exportFresh(options: ExportOptions): Promise<ExportReport> {
  const started = performance.now();
  const { format, out } = options;
  const saved = await openSaved(options.model, options.data);
  await unlessAborted(verifyCheckpoint(saved.checkpoint), options.signal, "The export");
  const { keys, lack } = await keysToExport(saved, options);
  const weights = weightsOf(saved, options);
  expectRoom(out, 4 * weights.reduce((sum, { shape }) => sum + elements(shape), 0), `Model ${saved.program.name}`);
  const stage: Stage = [];
  try {
    const described = await describeBeside(stage, out, saved, keys);
    await writers[format](stage, out, weights, described);
    await commitAll(stage);
  } finally {
    for (const { discard } of stage) await discard();
  }
  return {
    checkpoint: saved.checkpoint.path,
    step: saved.checkpoint.manifest.step,
    model: saved.program.name,
    format,
    files: await Promise.all(stage.reverse().map(async ({ path }) => ({ path, bytes: (await stat(path)).size }))),
    vocabularyLack: lack,
    tensors: weights.length,
    seconds: (performance.now() - started) / 1000,
  };
}

const [keysEnding, descriptionEnding, dataEnding] = [".keys.tsv", ".json", ".data"];

interface Described {
  readonly saved: SavedModel;
  /** The description as JSON. */
  readonly text: string;
}

/** Stages the description and, where ids are of a vocabulary, its keys. */
async function describeBeside(
  stage: Stage,
  out: string,
  saved: SavedModel,
  keys: ModelKeys | null,
): Promise<Described> {
  const hasKeys = keys?.ids.tables.some(({ rule }) => rule === "vocabulary") ?? false;
  const missing = keys === null ? saved.program.tables.map(() => noRow) : await missingIds(keys);
  const file = `${basename(out)}${keysEnding}`;
  const description = describe(saved, keys, missing, hasKeys ? file : null);
  if (keys !== null && hasKeys) await writeKeys(await pieces(stage, `${out}${keysEnding}`), keys);
  const beside = await pieces(stage, `${out}${descriptionEnding}`);
  await beside.write(Buffer.from(`${JSON.stringify(description, null, 2)}\n`));
  return { saved, text: JSON.stringify(description) };
}

/** Keys of the model, else of its data set. @returns without them why: an older checkpoint carries none, and its data set is gone */
async function keysToExport(
  { checkpoint }: SavedModel,
  { model, data }: ExportOptions,
): Promise<{ readonly keys: ModelKeys | null; readonly lack: string | null }> {
  if (data !== undefined) {
    const keys = await dataKeys(await dataOf(checkpoint, data));
    return { keys: carriedKeys(checkpoint) ?? keys, lack: null };
  }
  const carried = carriedKeys(checkpoint);
  if (carried !== null) return { keys: carried, lack: null };
  try {
    const keys = await dataKeys(await dataOf(checkpoint, trainedOn(model, checkpoint)));
    await missingIds(keys); // reads them
    return { keys, lack: null };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return { keys: null, lack: error.message };
  }
}

function weightsOf({ checkpoint, program }: SavedModel, { signal, onProgress }: ExportOptions): Weights[] {
  const specs: (Pick<ParamSpec, "name" | "shape"> & { isTable: boolean })[] = [
    ...program.tables.map(({ name, rows }) => ({ name, shape: [rows, program.width], isTable: true })),
    ...program.params.map((param) => ({ ...param, isTable: false })),
  ];
  const bytesTotal = specs.reduce((sum, { shape }) => sum + 4 * elements(shape), 0);
  let bytesDone = 0;
  return specs.map(({ isTable, ...spec }) => ({
    name: spec.name,
    shape: referenceShape(spec),
    async *chunks() {
      for await (const chunk of isTable ? readTable(checkpoint, spec.name) : [readParameter(checkpoint, spec.name)]) {
        stopIfAborted(signal, "The export");
        yield chunk;
        bytesDone += chunk.byteLength;
        onProgress?.(bytesDone, bytesTotal);
      }
    },
  }));
}

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

async function* asBytes(chunks: AsyncIterable<Float32Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield bytesOf(chunk);
}

/** A file that is written and waits for its name. */
interface Waiting extends Pick<StagedPath, "commit" | "discard"> {
  readonly path: string;
}

/** Where writers put what they have staged, also when they fail: the last one is the name that others open. */
type Stage = Waiting[];

type Writer = (stage: Stage, out: string, weights: readonly Weights[], described: Described) => Promise<void>;

/** Lets others write a file that appears whole or not at all. */
async function whole(stage: Stage, path: string, write: (beside: string) => Promise<unknown>): Promise<void> {
  const staged = stagePath(path);
  stage.push({ ...staged, path });
  await write(staged.beside);
}

async function pieces(stage: Stage, path: string): Promise<StagedFile> {
  const file = await stageFile(path);
  stage.push({ ...file, path });
  return file;
}

const writers: Readonly<Record<ExportFormat, Writer>> = {
  async safetensors(stage, out, weights, { text }) {
    const tensors = weights.map(({ name, shape, chunks }) => ({ name, shape, dtype: "F32" as const, data: chunks }));
    const metadata = { format: "pt", [descriptionKey]: text };
    await whole(stage, out, (beside) => writeSafetensors(beside, tensors, { metadata }));
  },

  async npz(stage, out, weights) {
    const arrays = weights.map(
      ({ name, shape, chunks }): NpyStream => ({
        name,
        header: { type: "float32", shape, isFortran: false },
        pieces: asBytes(chunks()),
      }),
    );
    await whole(stage, out, (beside) => writeNpzStreams(beside, arrays, false));
  },

  async onnx(stage, out, weights, { text, saved: { program, layout, keptNegatives } }) {
    const dataPath = `${out}${dataEnding}`;
    const dataFile = basename(dataPath);
    const { model, tensors } = onnxModel(program, layout, {
      dataFile,
      keptNegatives,
      metadata: { [descriptionKey]: text },
    });
    const byName = new Map(weights.map((entry) => [entry.name, entry]));
    const data = await pieces(stage, dataPath);
    const graph = await pieces(stage, out);
    let at = 0;
    for (const { name, offset, bytes } of tensors) {
      await data.write(new Uint8Array(offset - at));
      for await (const chunk of byName.get(name)?.chunks() ?? []) await data.write(bytesOf(chunk));
      at = offset + bytes;
    }
    await graph.write(model);
  },
};

/** Gives all files their names, in order. @throws what the first that fails met, after taking back those before */
async function commitAll(stage: Stage): Promise<void> {
  const named: string[] = [];
  try {
    for (const { path, commit } of stage) {
      await commit();
      named.push(path);
    }
  } catch (error) {
    for (const path of named) await disk.remove(path);
    throw error;
  }
}
