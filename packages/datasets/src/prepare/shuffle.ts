import { DataError } from "@fae/core";
import { bytesOf, openSink, readFully, syncPath, withFile, writeFully } from "./files.js";
import { destinationOf, type RowOrder } from "./row-order.js";

/**
 * An external shuffle in two steps. `openScatter` sorts the rows of one part by the block of the output file that they belong
 * to; `assembleBlock` collects one block from all parts and puts its rows in place. Memory: one part, then one block.
 *
 * A scatter file: uint32 starts[blocks + 1] in records, then records of `place in block, row`.
 */
export interface Scatter {
  /** Takes whole rows; `first` is the position of the first one in the unshuffled file. */
  write(words: Int32Array, first: number): void;
  close(): void;
}

export interface ScatterOptions {
  readonly path: string;
  readonly order: RowOrder;
  /** Rows of the output file, and of one block of it. */
  readonly rows: number;
  readonly blockRows: number;
  readonly stride: number;
  /** Rows that will be written at most. */
  readonly capacity: number;
}

export function openScatter({ path, order, rows, blockRows, stride, capacity }: ScatterOptions): Scatter {
  const destination = destinationOf(order);
  const held = new Int32Array(capacity * stride);
  const places = new Float64Array(capacity);
  const starts = new Uint32Array(Math.ceil(rows / blockRows) + 1);
  let used = 0;
  return {
    write(words, first) {
      held.set(words, used * stride);
      for (let i = 0; i < words.length / stride; i++) {
        const place = destination(first + i);
        places[used + i] = place;
        starts[Math.floor(place / blockRows) + 1]++;
      }
      used += words.length / stride;
    },
    close() {
      for (let block = 1; block < starts.length; block++) starts[block] += starts[block - 1];
      const next = starts.slice();
      const order = new Uint32Array(used);
      for (let i = 0; i < used; i++) order[next[Math.floor(places[i] / blockRows)]++] = i;
      const sink = openSink(path);
      sink.write(bytesOf(starts));
      const record = new Int32Array(stride + 1);
      for (const i of order) {
        record[0] = places[i] % blockRows;
        record.set(held.subarray(i * stride, (i + 1) * stride), 1);
        sink.write(bytesOf(record));
      }
      sink.close();
    },
  };
}

export interface AssembleOptions {
  readonly block: number;
  /** Rows of the output file, and of one block of it. */
  readonly rows: number;
  readonly blockRows: number;
  readonly stride: number;
  readonly scatterPaths: readonly string[];
  /** Exists with its full size. */
  readonly path: string;
}

/** Puts one block of the output file together. @throws DataError when the scatter files do not fill it exactly. */
export function assembleBlock({ block, rows, blockRows, stride, scatterPaths, path }: AssembleOptions): void {
  const blocks = Math.ceil(rows / blockRows);
  const first = block * blockRows;
  const out = new Int32Array(Math.min(blockRows, rows - first) * stride);
  const recordWords = stride + 1;
  let filled = 0;
  for (const scatterPath of scatterPaths) {
    withFile(scatterPath, "r", (file) => {
      const range = new Uint32Array(2);
      readFully(file, bytesOf(range), block * 4, scatterPath);
      const records = new Int32Array((range[1] - range[0]) * recordWords);
      readFully(file, bytesOf(records), (blocks + 1) * 4 + range[0] * recordWords * 4, scatterPath);
      for (let at = 0; at < records.length; at += recordWords) {
        out.set(records.subarray(at + 1, at + recordWords), records[at] * stride);
      }
      filled += records.length / recordWords;
    });
  }
  if (filled * stride !== out.length) {
    throw new DataError(`Block ${block} of '${path}' got ${filled} rows, expected ${out.length / stride}.`, {
      fix: "Delete the work directory and prepare again.",
      details: { path, found: filled, expected: out.length / stride },
    });
  }
  withFile(path, "r+", (file) => writeFully(file, bytesOf(out), first * stride * 4));
  syncPath(path);
}
