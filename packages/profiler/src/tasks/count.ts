import { strideWords } from "@fae/core";
import { eachBlock, type RowSource } from "../blocks.js";
import type { Column } from "../columns.js";
import { countColumn, countColumnAt, countColumnSaturating } from "../count-column.js";
import { idOutOfRange } from "../id-out-of-range.js";
import type { SampleRule } from "../sample.js";
import { sampleCursor } from "../sample-cursor.js";

/** Counts the accesses of some tables over all inputs of a source, into shared memory. */
export interface CountTask {
  readonly kind: "count";
  readonly source: RowSource;
  readonly tableNames: readonly string[];
  readonly columns: readonly Column[];
  /** By table; only those that `columns` names are written. */
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
  const mayWrap = new Set(
    columns
      .filter(({ table }) => columns.filter((other) => other.table === table).length * source.rows >= 2 ** 32)
      .map(({ table }) => table),
  );
  let positions = new Uint32Array(0);
  let inputs = 0;
  let read = 0;
  for (const block of eachBlock(source, 0, source.rows, cursor?.has)) {
    if (positions.length < block.inputs) positions = new Uint32Array(block.inputs);
    const length = cursor === null ? 0 : cursor.take(block.first, block.first + block.inputs, positions);
    inputs += cursor === null ? block.inputs : length;
    for (const { word, table } of columns) {
      const count = mayWrap.has(table) ? countColumnSaturating : countColumn;
      const wrong =
        cursor === null
          ? count(block.words, word, stride, block.inputs, counts[table])
          : countColumnAt(block.words, word, stride, positions, length, counts[table]);
      if (wrong >= 0)
        throw idOutOfRange(task.tableNames[table], counts[table].length, {
          input: block.first + wrong,
          id: block.words[wrong * stride + word],
        });
    }
    yield block.first + block.inputs - read;
    read = block.first + block.inputs;
  }
  return { inputs };
}
