import { DataError, idColumns, type RowLayout, strideWords } from "@fae/core";
import { readFully, withFile, writeAt } from "../prepare/files.js";

/** Rewrites the inputs `[first, end)` of a row file with new ids, at the same place of another file. */
export interface RelabelOptions {
  readonly from: string;
  readonly to: string;
  readonly layout: RowLayout;
  readonly tableNames: readonly string[];
  readonly first: number;
  readonly end: number;
  /** New id of each id, by table. */
  readonly newIds: readonly Int32Array[];
  /** By table: new ids below this are hot. */
  readonly hotRows: readonly number[];
}

export interface RelabelReport {
  readonly positives: number;
  /** Inputs whose ids are all hot, and the positive ones among them. */
  readonly hot: number;
  readonly hotPositives: number;
}

/** Fits into a core's cache, so that walking it column by column costs nothing. */
const blockBytes = 512 * 1024;

/** @throws DataError for an id outside its table. */
export function relabel(options: RelabelOptions): RelabelReport {
  const { from, to, layout, first, end, newIds, hotRows } = options;
  const stride = strideWords(layout);
  const columns = idColumns(layout);
  const step = Math.max(1, Math.floor(blockBytes / (4 * stride)));
  const bytes = new Uint8Array(4 * stride * Math.min(step, end - first));
  const words = new Int32Array(bytes.buffer);
  const cold = new Uint8Array(step);
  const scratch = new Int32Array(step);
  let positives = 0;
  let hot = 0;
  let hotPositives = 0;
  withFile(from, "r", (source) =>
    withFile(to, "r+", (target) => {
      for (let at = first; at < end; at += step) {
        const inputs = Math.min(step, end - at);
        const block = bytes.subarray(0, 4 * stride * inputs);
        readFully(source, block, 4 * stride * at, from);
        cold.fill(0, 0, inputs);
        columns.words.forEach((word, c) => {
          const table = columns.tables[c];
          const column = { words, word, stride, inputs, newIds: newIds[table], hotRows: hotRows[table], cold };
          const wrong = relabelColumn(column, scratch);
          if (wrong >= 0) throw idOutOfRange(options, at + wrong, words[wrong * stride + word], table);
        });
        for (let i = 0; i < inputs; i++) {
          const label = words[i * stride];
          positives += label;
          if (cold[i] === 0) {
            hot++;
            hotPositives += label;
          }
        }
        writeAt(target, to, 4 * stride * at, block);
      }
    }),
  );
  return { positives, hot, hotPositives };
}

/** One id of each input of a block. */
interface Column {
  readonly words: Int32Array;
  /** Of the id in its input. */
  readonly word: number;
  readonly stride: number;
  readonly inputs: number;
  readonly newIds: Int32Array;
  readonly hotRows: number;
  /** By input: 1 when any of its ids is cold. */
  readonly cold: Uint8Array;
}

/**
 * Returns the position of the first id that is no row of the table, -1 when there is none.
 * @param ids scratch, one per input
 */
function relabelColumn(column: Column, ids: Int32Array): number {
  const { words, word, stride, inputs, newIds, hotRows, cold } = column;
  const rows = newIds.length;
  let others = 0;
  for (let i = 0, at = word; i < inputs; i++, at += stride) {
    const id = words[at];
    ids[i] = id;
    if (id >>> 0 >= rows) others++;
  }
  if (others > 0) return relabelShortBags(column);
  // Nothing else stands between the random reads: the processor has many of them in flight.
  for (let i = 0; i < inputs; i++) ids[i] = newIds[ids[i]];
  for (let i = 0, at = word; i < inputs; i++, at += stride) {
    const newId = ids[i];
    words[at] = newId;
    if (newId >= hotRows) cold[i] = 1;
  }
  return -1;
}

/** The same for a column with ids that are no rows: -1 stays and keeps its input hot, any other is wrong. */
function relabelShortBags({ words, word, stride, inputs, newIds, hotRows, cold }: Column): number {
  const rows = newIds.length;
  for (let i = 0, at = word; i < inputs; i++, at += stride) {
    const id = words[at];
    if (id >>> 0 < rows) {
      const newId = newIds[id];
      words[at] = newId;
      if (newId >= hotRows) cold[i] = 1;
    } else if (id !== -1) return i;
  }
  return -1;
}

function idOutOfRange(
  { from, newIds, tableNames }: RelabelOptions,
  input: number,
  id: number,
  table: number,
): DataError {
  const rows = newIds[table].length;
  return new DataError(`Input ${input} of '${from}' has id ${id} in table "${tableNames[table]}" of ${rows} rows.`, {
    fix: "The data set is damaged: prepare it again.",
    details: { path: from, input, table: tableNames[table], found: id, expected: `-1..${rows - 1}` },
  });
}
