import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DataError, expectFile, type IdMapping, type PreparedData, type Program, type RowLayout } from "@fae/core";
import { manifestSchema } from "@fae/datasets";
import { type Checkpoint, expectSameIds, openCheckpoint, programDigest } from "@fae/embedding-store";
import { findModel, type ModelOptions } from "@fae/models";
import { z } from "zod";
import { modelDirectory } from "../train/model-directory.js";
import { identityOf, openData } from "../train/model-state.js";

/** A trained model on disk: its weights, what they compute, and the layout of the inputs. */
export interface SavedModel {
  readonly checkpoint: Checkpoint;
  readonly program: Program;
  readonly layout: RowLayout;
  /** Share of the training inputs without a click that were kept; 1: all. Scores are corrected for it. */
  readonly keptNegatives: number;
}

const stateSchema = z.looseObject({
  model: z.string(),
  modelOptions: z.record(z.string(), z.json()),
  /** Of the inputs that the model was trained on; absent: the data set is asked. */
  layout: manifestSchema.shape.layout.optional(),
  keptNegatives: z.number().gt(0).max(1).default(1),
});

/** Share of the training inputs without a click that a model was trained on; 1 where its checkpoint does not say. */
export const keptNegativesOf = ({ manifest }: Checkpoint): number =>
  z.looseObject({ keptNegatives: z.number().gt(0).max(1).default(1) }).parse(manifest.state ?? {}).keptNegatives;

/**
 * Opens the model of a run directory or checkpoint.
 * @param data prepared data set with the ids that it was trained on; needed where the checkpoint does not tell the layout of
 *   its inputs and the data set is no longer where the run read it. Given, its ids are compared.
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
  const named = data === undefined ? null : await dataOf(checkpoint, data);
  const layout = state.data.layout ?? (named ?? (await dataOf(checkpoint, trainedOn(path, checkpoint)))).layout;
  const shape = { ...layout, tableRows: manifest.program.tables.map(({ rows }) => rows) };
  // The schema knows that these are JSON; which options a model takes is checked by the model itself.
  const program = findModel(state.data.model).build(shape, state.data.modelOptions as ModelOptions);
  if (programDigest(program) !== manifest.program.digest)
    throw new DataError(`Checkpoint '${checkpoint.path}' was made by another version of model '${state.data.model}'.`, {
      fix: "Use the version of FAE that wrote it.",
      details: { path: checkpoint.path, expected: programDigest(program), found: manifest.program.digest },
    });
  return { checkpoint, program, layout, keptNegatives: state.data.keptNegatives };
}

/** Opens a data set, packed or not, whose ids are those of a checkpoint. @throws DataError when they are not, naming the table */
export async function dataOf(
  checkpoint: Checkpoint,
  directory: string,
): Promise<PreparedData & { readonly ids: IdMapping }> {
  const data = await openData(directory);
  expectSameIds(checkpoint, identityOf(data));
  return data;
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
