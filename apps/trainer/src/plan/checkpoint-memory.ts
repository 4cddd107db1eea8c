import type { PreparedData, Program } from "@fae/core";
import { checkpointBytes } from "@fae/embedding-store";
import { snapshotShare } from "../train/checkpoint-writer.js";
import type { TrainOptions } from "../train/options.js";

/** Host memory that saving checkpoints takes while training goes on, on top of the session's. */
export interface CheckpointMemory {
  /** At its highest: a full checkpoint is being written. */
  readonly hostBytes: number;
  /** Training waits for each checkpoint: a copy of its rows would take more than is left free. */
  readonly waits: boolean;
}

/** A thread's own heap, and for the one that writes the chunks in its hands: measured, the same for tables of any size. */
const threadBytes = { writes: 36 * 2 ** 20, marks: 10 * 2 ** 20 };

/**
 * A copy of all rows with their state and of the dense parameters, a bit per row and per input to know which rows changed, and
 * for packed data the session's row of each original id, a table at a time; threads that mark and write.
 * @param freeBytes host memory that is left beside the session
 * @returns null when there are no checkpoints
 */
export function checkpointMemory(
  options: Pick<TrainOptions, "optimizer" | "checkpointEvery" | "fullEvery">,
  program: Program,
  data: Pick<PreparedData, "packed" | "splits">,
  freeBytes: number,
): CheckpointMemory | null {
  if (options.checkpointEvery === 0) return null;
  const copy = checkpointBytes(program, options.optimizer);
  const rows = program.tables.map((table) => table.rows);
  const order = data.packed ? 4 * Math.max(...rows) : 0;
  const marked = options.fullEvery === 1 ? [] : [...rows, data.splits.train?.rows ?? 0];
  const marks = marked.reduce((sum, n) => sum + Math.ceil(n / 8), marked.length > 0 ? threadBytes.marks : 0);
  const waits = copy > snapshotShare * (freeBytes - marks);
  return { hostBytes: marks + order + (waits ? 0 : copy + threadBytes.writes), waits };
}
