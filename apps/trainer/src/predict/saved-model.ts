import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DataError, expectFile, type PreparedData, type Program, type RowLayout } from "@fae/core";
import { manifestSchema, openPrepared } from "@fae/datasets";
import { type Checkpoint, openCheckpoint, programDigest } from "@fae/embedding-store";
import { findModel, type ModelOptions } from "@fae/models";
import { z } from "zod";
import { modelDirectory } from "../train/model-directory.js";
import { digestBeforePacking } from "../train/model-state.js";

/** A trained model on disk: its weights, what they compute, and the layout of the inputs. */
export interface SavedModel {
  readonly checkpoint: Checkpoint;
  readonly program: Program;
  readonly layout: RowLayout;
}

const stateSchema = z.looseObject({
  model: z.string(),
  modelOptions: z.record(z.string(), z.json()),
  /** Of the inputs that the model was trained on; absent: the data set is asked. */
  layout: manifestSchema.shape.layout.optional(),
});

/**
 * Opens the model of a run directory or checkpoint.
 * @param data prepared data set with the ids that it was trained on; needed where the checkpoint does not tell the layout of
 *   its inputs and the data set is no longer where the run read it.
 * @throws DataError when the run has not ended, or the checkpoint is damaged, names no model, or is of other data.
 */
export async function openSaved(path: string, data?: string): Promise<SavedModel> {
  const checkpoint = await openCheckpoint(await modelDirectory(path));
  const { manifest } = checkpoint;
  const state = stateSchema.safeParse(manifest.state);
  if (!state.success)
    throw new DataError(`Checkpoint '${checkpoint.path}' does not say which model it holds.`, {
      fix: "Use a checkpoint that 'fae train' or 'fae import' wrote.",
      details: { path: checkpoint.path },
      cause: state.error,
    });
  const layout = state.data.layout ?? (await dataOf(checkpoint, data ?? trainedOn(path, checkpoint))).layout;
  const shape = { ...layout, tableRows: manifest.program.tables.map(({ rows }) => rows) };
  // The schema knows that these are JSON; which options a model takes is checked by the model itself.
  const program = findModel(state.data.model).build(shape, state.data.modelOptions as ModelOptions);
  if (programDigest(program) !== manifest.program.digest)
    throw new DataError(`Checkpoint '${checkpoint.path}' was made by another version of model '${state.data.model}'.`, {
      fix: "Use the version of FAE that wrote it.",
      details: { path: checkpoint.path, expected: programDigest(program), found: manifest.program.digest },
    });
  return { checkpoint, program, layout };
}

/** Opens a data set, packed or not, whose ids are those of a checkpoint. @throws DataError when they are not. */
export async function dataOf({ path, manifest }: Checkpoint, directory: string): Promise<PreparedData> {
  const data = await openPrepared(directory);
  const digest = digestBeforePacking(data);
  if (manifest.data === null || manifest.data === digest) return data;
  throw new DataError(
    `'${directory}' is not the data set of checkpoint '${path}': its ids do not mean the same rows.`,
    {
      fix: "Give the prepared data set of the run that wrote the checkpoint, or a pack of it.",
      details: { path: directory, found: digest, expected: manifest.data },
    },
  );
}

/** Directory of the data set that a run was trained on. @throws DataError when it is not told */
export function trainedOn(run: string, checkpoint: Checkpoint): string {
  const report = z
    .looseObject({ data: z.looseObject({ directory: z.string() }) })
    .safeParse(readJson(join(run, "report.json")));
  if (report.success) return report.data.data.directory;
  throw new DataError(`Checkpoint '${checkpoint.path}' does not tell the data set that it was trained on.`, {
    fix: "Name the prepared data set with --data.",
    details: { path: checkpoint.path },
  });
}

function readJson(path: string): unknown {
  if (!existsSync(path)) return null;
  expectFile(path);
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new DataError(`'${path}', which tells the data set of the run, is not valid JSON.`, {
      fix: "Name the prepared data set with --data.",
      details: { path },
      cause,
    });
  }
}
