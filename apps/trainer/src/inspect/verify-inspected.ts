import { UnsupportedError } from "@fae/core";
import { verifyPrepared } from "@fae/datasets";
import { openCheckpoint, verifyCheckpoint } from "@fae/embedding-store";
import { readCounts } from "@fae/profiler";
import { modelDirectory } from "../train/model-directory.js";
import type { Inspection } from "./inspect.js";

/**
 * Reads every byte of what was inspected and compares it with the sums that were written with it.
 * @throws DataError naming the file that differs, or when an earlier release wrote no sums; UnsupportedError for a file that has none
 */
export async function verifyInspected({ kind, path }: Inspection, signal: AbortSignal): Promise<void> {
  switch (kind) {
    case "prepared":
      return verifyPrepared(path, signal);
    case "run":
    case "checkpoint":
      return verifyCheckpoint(await openCheckpoint(await modelDirectory(path)));
    case "profile":
      await readCounts(path);
      return;
    case "safetensors":
      throw new UnsupportedError(`'${path}' cannot be verified: a safetensors file carries no sums.`, {
        fix: "Verify the run or the checkpoint that it comes from.",
        details: { path },
      });
  }
}
