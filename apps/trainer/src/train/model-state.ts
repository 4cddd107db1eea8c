import { DataError, type IdMapping, type PreparedData, type Program } from "@fae/core";
import { idMapping, openPrepared } from "@fae/datasets";
import type { Checkpoint } from "@fae/embedding-store";
import { dataShape, findModel, type ModelOptions } from "@fae/models";
import { z } from "zod";
import type { TrainOptions } from "./options.js";

/** What a checkpoint carries so that its model can be built again without its run. */
const stateSchema = z.looseObject({ model: z.string(), modelOptions: z.record(z.string(), z.json()) });

/** The layout of the inputs and how training was thinned go along, so that predicting and exporting need no data set. */
export const modelState = (
  { model, modelOptions }: Pick<TrainOptions, "model" | "modelOptions">,
  { layout, keptNegatives }: Pick<PreparedData, "layout" | "keptNegatives">,
) => JSON.parse(JSON.stringify({ model, modelOptions, layout, keptNegatives })) as z.infer<typeof stateSchema>;

/** A data set that says what its ids mean: of an older one that is worked out. @throws DataError as `openPrepared` */
export async function openData(directory: string): Promise<PreparedData & { readonly ids: IdMapping }> {
  const data = await openPrepared(directory);
  return { ...data, ids: await idMapping(data) };
}

/** What ties a checkpoint to data: the meaning of the ids, and for older checkpoints the digest of the data set. */
export const identityOf = (data: PreparedData): { readonly data: string; readonly ids?: IdMapping } => ({
  data: digestBeforePacking(data),
  ...(data.ids && { ids: data.ids }),
});

/** Digest of the data set that the ids come from, packed or not. */
export const digestBeforePacking = ({ packed, digest }: PreparedData): string => packed?.from ?? digest;

/**
 * The model of a checkpoint, over a data set.
 * @throws DataError when the checkpoint does not say what model it is, ConfigError when the data do not fit that model
 */
export function programOf(checkpoint: Checkpoint, data: PreparedData): Program {
  const state = stateSchema.safeParse(checkpoint.manifest.state);
  if (!state.success) {
    throw new DataError(`Checkpoint ${checkpoint.path} does not say which model it holds.`, {
      fix: "Use a checkpoint that 'fae train' wrote.",
      details: { path: checkpoint.path },
    });
  }
  // The schema knows that these are JSON; which options a model takes is checked by the model itself.
  return findModel(state.data.model).build(dataShape(data), state.data.modelOptions as ModelOptions);
}
