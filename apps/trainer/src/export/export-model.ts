import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { checkOptions, elements, is, type ParamSpec, type Shape } from "@fae/core";
import { type NpyStream, writeNpzStreams } from "@fae/datasets";
import { disk, verifyCheckpoint, writeSafetensors } from "@fae/embedding-store";
import { onnxModel, referenceShape } from "@fae/models";
import { stopIfAborted, unlessAborted } from "../cli/interrupted.js";
import { openSaved, type SavedModel } from "../predict/saved-model.js";
import { readParameter, readTable } from "../predict/weights.js";
import { freshPath, type StagedFile, stageFile, stagePath } from "./stage-file.js";

export const exportFormats = ["safetensors", "onnx", "npz"] as const;
export type ExportFormat = (typeof exportFormats)[number];

export interface ExportOptions {
  /** A run directory or a checkpoint. */
  readonly model: string;
  readonly format: ExportFormat;
  /** File to write; must not exist. ONNX tables go to `<out>.data` beside it, which must not exist either. */
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
 * facebookresearch/tbsm, or an ONNX graph that predicts. Optimizer state stays behind. The checkpoint is verified first;
 * tables are streamed, so memory does not grow with them; files appear whole or not at all.
 * @throws ConfigError when `out` exists, or somebody else made it meanwhile, DataError when the checkpoint is damaged, FaeError ERR_DISK_FULL, ERR_INTERRUPTED
 */
export async function exportModel(options: ExportOptions): Promise<ExportReport> {
  checkOptions("exportModel", options, kinds);
  const started = performance.now();
  const { format, out } = options;
  freshPath(out);
  const saved = await openSaved(options.model, options.data);
  await unlessAborted(verifyCheckpoint(saved.checkpoint), options.signal, "The export");
  const weights = weightsOf(saved, options);
  const files = await writers[format](out, weights, saved);
  return {
    checkpoint: saved.checkpoint.path,
    step: saved.checkpoint.manifest.step,
    model: saved.program.name,
    format,
    files: await Promise.all(files.map(async (path) => ({ path, bytes: (await stat(path)).size }))),
    tensors: weights.length,
    seconds: (performance.now() - started) / 1000,
  };
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

/** Lets others write a file that appears whole or not at all. */
async function whole(out: string, write: (beside: string) => Promise<unknown>): Promise<string[]> {
  const staged = stagePath(out);
  try {
    await write(staged.beside);
    await staged.commit();
  } finally {
    await staged.discard();
  }
  return [out];
}

type Writer = (out: string, weights: readonly Weights[], saved: SavedModel) => Promise<string[]>;

const writers: Readonly<Record<ExportFormat, Writer>> = {
  async safetensors(out, weights) {
    const tensors = weights.map(({ name, shape, chunks }) => ({ name, shape, dtype: "F32" as const, data: chunks }));
    return whole(out, (beside) => writeSafetensors(beside, tensors, { metadata: { format: "pt" } }));
  },

  async npz(out, weights) {
    const arrays = weights.map(
      ({ name, shape, chunks }): NpyStream => ({
        name,
        header: { type: "float32", shape, isFortran: false },
        pieces: asBytes(chunks()),
      }),
    );
    return whole(out, (beside) => writeNpzStreams(beside, arrays, false));
  },

  async onnx(out, weights, { program, layout }) {
    const dataPath = `${out}.data`;
    const { model, tensors } = onnxModel(program, layout, basename(dataPath));
    const byName = new Map(weights.map((entry) => [entry.name, entry]));
    const data = await stageFile(dataPath);
    let graph: StagedFile | null = null;
    try {
      graph = await stageFile(out);
      let at = 0;
      for (const { name, offset, bytes } of tensors) {
        await data.write(new Uint8Array(offset - at));
        for await (const chunk of byName.get(name)?.chunks() ?? []) await data.write(bytesOf(chunk));
        at = offset + bytes;
      }
      await graph.write(model);
      // The graph last: it is the name that others open, and must never be there without its data.
      await data.commit();
      await graph.commit().catch(async (error) => {
        await disk.remove(dataPath);
        throw error;
      });
    } finally {
      await data.discard();
      await graph?.discard();
    }
    return [out, dataPath];
  },
};
