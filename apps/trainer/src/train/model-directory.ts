import { existsSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "@fae/core";
import { listCheckpoints } from "@fae/embedding-store";
import { checkpointsOf } from "./run-output.js";

/**
 * Where the checkpoint of a trained model is: a run keeps it in `model`, any other path is a checkpoint's own.
 * @throws DataError for a run that has not ended, naming its newest checkpoint
 */
export async function modelDirectory(path: string): Promise<string> {
  const model = join(path, "model");
  if ((await listCheckpoints(model)).length > 0) return model;
  const newest = (await listCheckpoints(checkpointsOf(path))).at(-1);
  if (newest === undefined) return existsSync(model) ? model : path;
  throw new DataError(`Run '${path}' has not ended: it has checkpoints and no model yet.`, {
    fix: `Use its newest checkpoint, '${newest.path}', or train to the end with 'fae train --resume ${path}'.`,
    details: { path, checkpoint: newest.path },
  });
}
