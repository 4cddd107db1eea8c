import { strideWords } from "@fae/core";
import { eachBlock, type RowSource } from "../blocks.js";
import type { Column } from "../columns.js";
import { idOutOfRange } from "../id-out-of-range.js";
import type { SampleRule } from "../sample.js";
import { sampleCursor } from "../sample-cursor.js";

/**
 * Finds, for each input, the access count of its least accessed row: the highest threshold at which the input is still hot.
 * One pass gives the number of hot inputs at every threshold.
 */
export interface JudgeTask {
  readonly kind: "judge";
  readonly source: RowSource;
  readonly tableNames: readonly string[];
  /** Columns of the tables that are not hot as a whole. */
  readonly columns: readonly Column[];
  readonly counts: readonly Uint32Array[];
  /** The hot set to judge exactly: hot above the threshold, at it up to this id (by table). */
  readonly threshold: number;
  readonly lastTie: readonly number[];
  readonly first: number;
  readonly end: number;
  readonly sample: SampleRule | null;
  readonly exclude: SampleRule | null;
}

export interface JudgeResult {
  readonly inputs: number;
  /** Hot under the exact rule. */
  readonly hot: number;
  /** Inputs by the access count of their coldest row; `alwaysHot` for inputs without such a row. */
  readonly inputsAt: ReadonlyMap<number, number>;
}

export const alwaysHot = 0xffffffff;
const directBins = 65536;

export function* runJudge(task: JudgeTask): Generator<number, JudgeResult, undefined> {
  const { source, columns, counts, threshold, lastTie } = task;
  const stride = strideWords(source.layout);
  const cursor = task.sample === null ? null : sampleCursor(task.sample, task.exclude, task.first, task.end);
  const bins = new Float64Array(directBins);
  const inputsAt = new Map<number, number>();
  let [positions, coldest, tied] = [new Uint32Array(0), new Uint32Array(0), new Uint8Array(0)];
  let [inputs, hot, read] = [0, 0, task.first];
  for (const block of eachBlock(source, task.first, task.end, cursor?.has)) {
    if (positions.length < block.inputs) {
      positions = Uint32Array.from({ length: block.inputs }, (_, i) => i);
      coldest = new Uint32Array(block.inputs);
      tied = new Uint8Array(block.inputs);
    }
    const length = cursor === null ? block.inputs : cursor.take(block.first, block.first + block.inputs, positions);
    coldest.fill(alwaysHot);
    tied.fill(0);
    for (const { word, table } of columns) {
      const call = { words: block.words, word, stride, positions, length, coldest, tied };
      const wrong = coldestOfColumn(call, counts[table], threshold, lastTie[table]);
      if (wrong >= 0)
        throw idOutOfRange(task.tableNames[table], counts[table].length, {
          input: block.first + wrong,
          id: block.words[wrong * stride + word],
        });
    }
    for (let i = 0; i < length; i++) {
      const count = coldest[i];
      if (count > threshold || (count === threshold && tied[i] === 0)) hot++;
      if (count < directBins) bins[count]++;
      else inputsAt.set(count, (inputsAt.get(count) ?? 0) + 1);
    }
    inputs += length;
    yield block.first + block.inputs - read;
    read = block.first + block.inputs;
  }
  bins.forEach((number, count) => {
    if (number > 0) inputsAt.set(count, number);
  });
  return { inputs, hot, inputsAt };
}

interface ColumnCall {
  readonly words: Int32Array;
  readonly word: number;
  readonly stride: number;
  readonly positions: Uint32Array;
  readonly length: number;
  readonly coldest: Uint32Array;
  readonly tied: Uint8Array;
}

function coldestOfColumn(call: ColumnCall, counts: Uint32Array, threshold: number, lastTie: number): number {
  const { words, word, stride, positions, length, coldest, tied } = call;
  const rows = counts.length;
  for (let i = 0; i < length; i++) {
    const id = words[positions[i] * stride + word];
    if (id >>> 0 < rows) {
      const count = counts[id];
      if (count < coldest[i]) coldest[i] = count;
      if (count === threshold && id > lastTie) tied[i] = 1;
    } else if (id !== -1) return positions[i];
  }
  return -1;
}
