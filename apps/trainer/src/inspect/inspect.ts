import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  checkArguments,
  DataError,
  expectFile,
  is,
  openRows,
  type PreparedData,
  readSmallFile,
  type SplitName,
  strideBytes,
} from "@fae/core";
import { type Manifest, openPrepared, readManifest, toBatchSource } from "@fae/datasets";
import { type CheckpointManifest, openCheckpoint, openSafetensors, type TensorInfo } from "@fae/embedding-store";
import { type Profile, readProfile } from "@fae/profiler";
import { modelDirectory } from "../train/model-directory.js";
import type { TrainReport } from "../train/report.js";

/** One input of a prepared data set, as a reader decodes it. */
export interface ShownInput {
  readonly split: SplitName;
  readonly row: number;
  readonly label: number;
  /** `[S', F]` */
  readonly dense: readonly number[];
  /** `[S', sum L]` */
  readonly ids: readonly number[];
}

export type Inspection =
  | {
      readonly kind: "prepared";
      readonly path: string;
      readonly manifest: Manifest;
      readonly digest: string;
      readonly bytesPerInput: number;
      readonly inputs: readonly ShownInput[];
    }
  | { readonly kind: "run"; readonly path: string; readonly report: TrainReport }
  | { readonly kind: "checkpoint"; readonly path: string; readonly manifest: CheckpointManifest }
  | {
      readonly kind: "safetensors";
      readonly path: string;
      readonly metadata: Readonly<Record<string, string>>;
      readonly tensors: readonly Pick<TensorInfo, "name" | "dtype" | "shape" | "byteLength">[];
    }
  | { readonly kind: "profile"; readonly path: string; readonly profile: Profile };

/**
 * Looks at a prepared data set, a run, a checkpoint, a safetensors file or a profile.
 * @param rows inputs of a data set to decode
 * @throws DataError when it is none of these, a run that has not ended, or damaged
 */
export async function inspect(path: string, rows = 3): Promise<Inspection> {
  checkArguments("inspect", { path: [path, is.text], rows: [rows, is.whole()] });
  if (!existsSync(path)) throw new DataError(`${path} does not exist.`, { fix: "Check the path.", details: { path } });
  if (statSync(path).isDirectory()) return inspectDirectory(path, rows);
  expectFile(path);
  return inspectFile(path);
}

async function inspectDirectory(path: string, rows: number): Promise<Inspection> {
  if (existsSync(join(path, "report.json"))) {
    const report = readJson(join(path, "report.json"));
    if (report.format !== "fae-run") throw unknown(path);
    return { kind: "run", path, report: report as unknown as TrainReport };
  }
  const manifestPath = join(path, "manifest.json");
  if (existsSync(manifestPath) && readJson(manifestPath).format === "fae-prepared") {
    const data = await openPrepared(path);
    return {
      kind: "prepared",
      path,
      manifest: await readManifest(path),
      digest: data.digest,
      bytesPerInput: strideBytes(data.layout),
      inputs: firstInputs(data, rows),
    };
  }
  if (existsSync(join(path, "profile.json"))) return { kind: "profile", path, profile: await readProfile(path) };
  const found = await openCheckpoint(await modelDirectory(path)).catch((error: unknown) => {
    // With a manifest it is a damaged checkpoint, and the error says how; without one it is something else.
    throw existsSync(manifestPath) ? error : unknown(path);
  });
  return { kind: "checkpoint", path: found.path, manifest: found.manifest };
}

async function inspectFile(path: string): Promise<Inspection> {
  if (basename(path) === "profile.json") return { kind: "profile", path, profile: await readProfile(dirname(path)) };
  if (!path.endsWith(".safetensors")) throw unknown(path);
  await using file = await openSafetensors(path);
  const tensors = [...file.tensors.values()].map(({ name, dtype, shape, byteLength }) => ({
    name,
    dtype,
    shape,
    byteLength,
  }));
  return { kind: "safetensors", path, metadata: file.metadata, tensors };
}

const unknown = (path: string): DataError =>
  new DataError(`${path} is no prepared data set, run, checkpoint, safetensors file or profile.`, {
    fix: "Give what prepare, synth, pack, train or profile wrote, or a .safetensors file.",
    details: { path },
  });

function readJson(path: string): Readonly<Record<string, unknown>> {
  expectFile(path);
  try {
    const value: unknown = JSON.parse(readSmallFile(path));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch (cause) {
    throw new DataError(`${path} cannot be read as JSON: ${(cause as Error).message}.`, {
      fix: "Write it again with the command that made it.",
      details: { path },
      cause,
    });
  }
}

function firstInputs(data: PreparedData, rows: number): ShownInput[] {
  const split = (["train", "val", "test", "hot", "cold"] as const).find((name) => (data.splits[name]?.rows ?? 0) > 0);
  if (split === undefined || rows === 0) return [];
  const source = toBatchSource(data, split);
  using reader = openRows(source, { batch: Math.min(rows, source.rows), tables: data.tables });
  const { inputs, labels, dense, ids } = reader.read(0, null);
  return Array.from({ length: inputs }, (_, row) => ({
    split,
    row,
    label: labels[row],
    dense: Array.from(part(dense, row, inputs)),
    ids: Array.from(part(ids, row, inputs)),
  }));
}

const part = <A extends Float32Array | Int32Array>(values: A, row: number, inputs: number) =>
  values.subarray((row * values.length) / inputs, ((row + 1) * values.length) / inputs);
