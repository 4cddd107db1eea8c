import { closeSync, openSync, readSync } from "node:fs";
import { DataError, type IdColumns, idColumns, permutation, type RowLayout, strideBytes, strideWords } from "@fae/core";

/** Inputs in a file, as a batch source has them. Plain data: crosses to a thread. */
export interface MarkedSource {
  readonly path: string;
  readonly rows: number;
  readonly layout: RowLayout;
  readonly shuffleSeed: number | null;
}

export interface MarkTask {
  readonly sources: Readonly<Record<string, MarkedSource>>;
  /** B. */
  readonly batch: number;
  /** Per table one bit a row, in shared memory where a thread marks. */
  readonly bits: readonly Uint32Array[];
}

/** Batches that were trained. */
export interface TrainedBatches {
  readonly source: string;
  readonly epoch: number;
  readonly batches: Uint32Array;
}

/** Marks the rows that batches touch: no other rows can be changed by training on them. */
export interface RowMarker {
  /** @throws DataError when a file is cut, and system errors */
  mark(trained: TrainedBatches): void;
  /** Forgets everything. */
  clear(): void;
  close(): void;
}

/** Inputs gathered before their rows are read: the more, the closer together they lie in the file. */
const inputsAtOnce = 1 << 20;
/** Inputs that lie closer are read with what is between them: copying that takes as long as another call of the system. */
const gapBytes = 8192;
const blockBytes = 1 << 20;

/** Opens the files of all sources. Close it. */
export function openMarker({ sources, batch, bits }: MarkTask): RowMarker {
  const opened = new Map<string, SourceMarker>();
  const clear = () => {
    for (const table of bits) table.fill(0);
    for (const source of opened.values()) source.forget();
  };
  return {
    mark({ source: name, epoch, batches }) {
      const marker = opened.get(name) ?? sourceMarker(sources[name], bits);
      opened.set(name, marker);
      marker.mark(batches, batch, epoch);
    },
    clear,
    close() {
      for (const source of opened.values()) source.close();
    },
  };
}

interface SourceMarker {
  mark(batches: Uint32Array, batch: number, epoch: number): void;
  forget(): void;
  close(): void;
}

function sourceMarker({ path, rows, layout, shuffleSeed }: MarkedSource, bits: readonly Uint32Array[]): SourceMarker {
  const file = openSync(path, "r");
  // An input that is marked already, in this epoch or an earlier one, need not be read again.
  const seen = new Uint32Array(Math.ceil(rows / 32));
  let seenCount = 0;
  const columns = idColumns(layout);
  if (columns.words.at(-1) !== strideWords(layout) - 1) throw new TypeError("ids do not end where the row ends");
  const stride = strideBytes(layout);
  const block = new Int32Array(Math.ceil(Math.max(blockBytes, stride) / 4));

  const markRead = (inputs: Uint32Array): void => {
    inputs.sort();
    for (let i = 0; i < inputs.length; ) {
      const first = inputs[i];
      let end = i + 1;
      while (
        end < inputs.length &&
        (inputs[end] - inputs[end - 1] - 1) * stride <= gapBytes &&
        (inputs[end] - first + 1) * stride <= block.byteLength
      )
        end++;
      readRows(file, path, block, first * stride, (inputs[end - 1] - first + 1) * stride);
      for (; i < end; i++) markInput(block, ((inputs[i] - first) * stride) / 4, columns, bits);
    }
  };

  return {
    mark(batches, batch, epoch) {
      if (seenCount === rows) return;
      const rowAt = shuffleSeed === null ? (position: number) => position : permutation(rows, shuffleSeed, epoch);
      const inputs = new Uint32Array(Math.min(inputsAtOnce, batches.length * batch));
      let count = 0;
      for (const number of batches) {
        const end = Math.min(rows, (number + 1) * batch);
        for (let position = number * batch; position < end; position++) {
          const row = rowAt(position);
          const bit = 1 << (row & 31);
          if ((seen[row >>> 5] & bit) !== 0) continue;
          seen[row >>> 5] |= bit;
          seenCount++;
          inputs[count++] = row;
          if (count < inputs.length) continue;
          markRead(inputs);
          count = 0;
        }
      }
      markRead(inputs.subarray(0, count));
    },
    forget() {
      seen.fill(0);
      seenCount = 0;
    },
    close: () => closeSync(file),
  };
}

function markInput(block: Int32Array, from: number, { words, tables }: IdColumns, bits: readonly Uint32Array[]): void {
  for (let c = 0; c < words.length; c++) {
    const id = block[from + words[c]];
    if (id >= 0) bits[tables[c]][id >>> 5] |= 1 << (id & 31);
  }
}

function readRows(file: number, path: string, into: Int32Array, position: number, bytes: number): void {
  for (let done = 0; done < bytes; ) {
    const read = readSync(file, into, done, bytes - done, position + done);
    if (read === 0) {
      throw new DataError(`'${path}' was cut short while it was in use: it ended at byte ${position + done}.`, {
        fix: "Leave the data set alone while a training reads it.",
        details: { path, byteOffset: position + done },
      });
    }
    done += read;
  }
}
