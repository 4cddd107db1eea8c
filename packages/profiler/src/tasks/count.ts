import { strideWords } from "@fae/core";
import { eachBlock, type RowSource } from "../blocks.js";
import type { Column } from "../columns.js";
import { countColumn, countLimit, countShare, type Share } from "../count-column.js";
import { idOutOfRange } from "../id-out-of-range.js";
import type { SampleRule } from "../sample.js";
import { sampleCursor } from "../sample-cursor.js";

/** Counts the accesses of some rows over all inputs of a source, into shared memory. */
export interface CountTask {
  readonly kind: "count";
  readonly source: RowSource;
  readonly tableNames: readonly string[];
  readonly columns: readonly (Column & Share)[];
  /** By table; only the rows that `columns` share out are written. */
  readonly counts: readonly Uint32Array[];
  readonly sample: SampleRule | null;
}

export interface CountResult {
  readonly inputs: number;
}

/** Yields the number of inputs read since the last yield. */
export function* runCount(task: CountTask): Generator<number, CountResult, undefined> {
  const { source, columns, sample } = task;
  const stride = strideWords(source.layout);
  const counts = task.counts.map((table) => new Int32Array(table.buffer, table.byteOffset, table.length));
  const cursor = sample === null ? null : sampleCursor(sample, null, 0, source.rows);
  const mayWrap = columns.length * source.rows > countLimit;
  let [positions, sampled] = [new Uint32Array(0), new Int32Array(0)];
  let inputs = 0;
  let read = 0;
  for (const { words, first, inputs: held } of eachBlock(source, 0, source.rows, cursor?.has)) {
    let [chosen, length] = [words, held];
    if (cursor !== null) {
      if (positions.length < held) [positions, sampled] = [new Uint32Array(held), new Int32Array(held * stride)];
      length = cursor.take(first, first + held, positions);
      for (let i = 0; i < length; i++)
        sampled.set(words.subarray(positions[i] * stride, (positions[i] + 1) * stride), i * stride);
      chosen = sampled;
    }
    inputs += length;
    for (const column of columns) {
      const { word, table } = column;
      const count = column.mask > 0 || mayWrap ? countShare : countColumn;
      const wrong = count(chosen, word, stride, length, counts[table], column);
      if (wrong >= 0)
        throw idOutOfRange(task.tableNames[table], counts[table].length, {
          input: first + (cursor === null ? wrong : positions[wrong]),
          id: chosen[wrong * stride + word],
        });
    }
    yield first + held - read;
    read = first + held;
  }
  return { inputs };
}
