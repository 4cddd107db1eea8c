import { DataError, type PreparedData, type Program, type RowLayout } from "@fae/core";
import type { Checkpoint } from "@fae/embedding-store";
import { dataShape, findModel, type ModelOptions } from "@fae/models";
import { z } from "zod";
import type { TrainOptions } from "./options.js";

/** What a checkpoint carries so that its model can be built again without its run. */
const stateSchema = z.looseObject({ model: z.string(), modelOptions: z.record(z.string(), z.json()) });

/** @param layout of the inputs, so that predicting and exporting need no data set */
export const modelState = (
  { model, modelOptions }: Pick<TrainOptions, "model" | "modelOptions">,
  { layout }: { readonly layout: RowLayout },
) => JSON.parse(JSON.stringify({ model, modelOptions, layout })) as z.infer<typeof stateSchema>;

/** Digest of the data set that the ids come from, packed or not: what ties a checkpoint or a profile to its data. */
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
