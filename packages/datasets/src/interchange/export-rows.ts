import { closeSync, openSync } from "node:fs";
import { type PreparedData, type SplitName, strideWords, UnsupportedError } from "@fae/core";
import { bytesOf, readFully } from "../prepare/files.js";

/** The splits of the reference's files in log order: the test half of the last day comes before the validation half. */
export const logOrder = ["train", "test", "val"] as const satisfies readonly SplitName[];

const blockBytes = 1 << 20;

/** Rows of the named splits, one split after the other, in blocks of whole rows; a block is valid until the next is asked for. */
export function* rowBlocks(data: PreparedData, splits: readonly SplitName[]): Generator<Int32Array> {
  const stride = strideWords(data.layout);
  const block = new Int32Array(Math.max(1, Math.floor(blockBytes / (stride * 4))) * stride);
  for (const name of splits) {
    const split = data.splits[name];
    if (!split) continue;
    const file = openSync(split.path, "r");
    try {
      for (let word = 0; word < split.rows * stride; word += block.length) {
        const words = block.subarray(0, Math.min(block.length, split.rows * stride - word));
        readFully(file, bytesOf(words), word * 4, split.path);
        yield words;
      }
    } finally {
      closeSync(file);
    }
  }
}

/** Rows of all named splits. */
export const rowsOf = (data: PreparedData, splits: readonly SplitName[]): number =>
  splits.reduce((sum, name) => sum + (data.splits[name]?.rows ?? 0), 0);

/** @throws UnsupportedError unless the rows are raw counts and one id a table, as in the reference's Criteo files. */
export function mustBeFlat(data: PreparedData, what: string): void {
  const { steps, hotness, denseEncoding } = data.layout;
  if (steps === 0 && hotness.every((count) => count === 1) && denseEncoding === "int32-log1p") return;
  throw new UnsupportedError(
    `${what} holds raw counts and one id a table; '${data.directory}' has ${steps} steps, hotness up to ${hotness.reduce((a, b) => Math.max(a, b), 0)} and ${denseEncoding} dense values.`,
    { fix: "Export it as Parquet.", details: { path: data.directory } },
  );
}
