import { ftruncateSync } from "node:fs";
import { type RowLayout, strideBytes } from "@fae/core";
import { withFile } from "./files.js";
import { type Job, type Run, runJobs } from "./stages.js";

const shuffleBlockBytes = 64 * 1024 * 1024;

/** Rows of one shuffle block: at most about a thousand blocks, of 64 to 512 MiB. */
export function shuffleBlockRows(rows: number, layout: RowLayout): number {
  const stride = strideBytes(layout);
  const bytes = Math.min(8 * shuffleBlockBytes, Math.max(shuffleBlockBytes, (rows * stride) / 1024));
  return Math.max(1, Math.floor(bytes / stride));
}

/** Gives a rows file its full size; what is in it already stays. */
export function createRows(path: string, bytes: number): void {
  withFile(path, "a", (file) => ftruncateSync(file, bytes));
}

/** Second half of a shuffle: the blocks of one split. */
export async function assembleSplit(
  run: Run,
  name: string,
  input: { rows: number; blockRows: number; stride: number; scatterPaths: readonly string[]; path: string },
): Promise<void> {
  const blocks = Math.ceil(input.rows / input.blockRows);
  const jobs = Array.from({ length: blocks }, (_, block): Job<"assemble"> => {
    const rows = Math.min(input.blockRows, input.rows - block * input.blockRows);
    return {
      record: `assemble-${name}-${block}`,
      task: "assemble",
      input: { ...input, block },
      bytes: rows * input.stride * 4,
    };
  });
  await runJobs(run, "shuffle", jobs);
}
