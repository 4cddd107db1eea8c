import { strideWords } from "@fae/core";
import { eachBlock, type RowSource } from "../blocks.js";
import type { Column } from "../columns.js";
import { countIds, gatherIds, type Share } from "../count-column.js";
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
  let [positions, ids] = [new Uint32Array(0), new Int32Array(0)];
  let inputs = 0;
  let read = 0;
  for (const { words, first, inputs: held } of eachBlock(source, 0, source.rows, cursor?.has)) {
    if (positions.length < held) {
      positions = Uint32Array.from({ length: held }, (_, i) => i);
      ids = new Int32Array(held);
    }
    const length = cursor === null ? held : cursor.take(first, first + held, positions);
    inputs += length;
    for (const column of columns) {
      const { word, table } = column;
      const gathered = gatherIds({ words, word, stride, positions, length }, counts[table].length, column, ids);
      if (gathered < 0) {
        const wrong = -1 - gathered;
        throw idOutOfRange(task.tableNames[table], counts[table].length, {
          input: first + wrong,
          id: words[wrong * stride + word],
        });
      }
      countIds(ids, gathered, counts[table]);
    }
    yield first + held - read;
    read = first + held;
  }
  return { inputs };
}
