import { strideWords } from "@fae/core";
import { eachBlock, type RowSource } from "../blocks.js";
import type { Column } from "../columns.js";
import { idOutOfRange } from "../id-out-of-range.js";

/** Which rows of a table are hot: a prefix of its ids (data in popularity order), or one bit per row. */
export type HotRowsOfTable =
  | { readonly rows: number; readonly hotRows: number }
  | { readonly rows: number; readonly bits: Uint32Array };

/** Tags each input of a range as hot (every row it touches is hot) or cold. */
export interface ClassifyTask {
  readonly kind: "classify";
  readonly source: RowSource;
  readonly tableNames: readonly string[];
  readonly columns: readonly Column[];
  readonly tables: readonly HotRowsOfTable[];
  /** A multiple of 32, so that no two tasks write the same word of `hotBits`. */
  readonly first: number;
  readonly end: number;
  /** Bit i of the whole is 1 when input i is hot; null when only the number is wanted. */
  readonly hotBits: Uint32Array | null;
}

export interface ClassifyResult {
  readonly hot: number;
}

export function* runClassify(task: ClassifyTask): Generator<number, ClassifyResult, undefined> {
  const { source, columns, tables, hotBits } = task;
  const stride = strideWords(source.layout);
  let cold = new Uint8Array(0);
  let hot = 0;
  for (const block of eachBlock(source, task.first, task.end)) {
    if (cold.length < block.inputs) cold = new Uint8Array(block.inputs);
    cold.fill(0);
    for (const { word, table } of columns) {
      const of = tables[table];
      const wrong =
        "bits" in of
          ? markByBit(block.words, word, stride, block.inputs, of.rows, of.bits, cold)
          : markByPrefix(block.words, word, stride, block.inputs, of.rows, of.hotRows, cold);
      if (wrong >= 0)
        throw idOutOfRange(task.tableNames[table], of.rows, {
          input: block.first + wrong,
          id: block.words[wrong * stride + word],
        });
    }
    for (let i = 0; i < block.inputs; i++) {
      if (cold[i] !== 0) continue;
      hot++;
      const input = block.first + i;
      if (hotBits !== null) hotBits[Math.floor(input / 32)] |= 1 << (input & 31);
    }
    yield block.inputs;
  }
  return { hot };
}

function markByPrefix(
  words: Int32Array,
  word: number,
  stride: number,
  inputs: number,
  rows: number,
  hotRows: number,
  cold: Uint8Array,
): number {
  for (let i = 0, at = word; i < inputs; i++, at += stride) {
    const id = words[at];
    if (id >= hotRows) cold[i] = 1;
    if (id < -1 || id >= rows) return i;
  }
  return -1;
}

function markByBit(
  words: Int32Array,
  word: number,
  stride: number,
  inputs: number,
  rows: number,
  bits: Uint32Array,
  cold: Uint8Array,
): number {
  for (let i = 0, at = word; i < inputs; i++, at += stride) {
    const id = words[at];
    if (id >>> 0 < rows) {
      if (((bits[id >>> 5] >>> (id & 31)) & 1) === 0) cold[i] = 1;
    } else if (id !== -1) return i;
  }
  return -1;
}
