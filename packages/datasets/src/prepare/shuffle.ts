import { DataError } from "@fae/core";
import { bytesOf, openSink, readFully, withFile, writeAt } from "./files.js";

/**
 * An external sort by place in two steps. `openScatter` sorts the rows of one part by the block of places that they belong
 * to, rows of one block in the order in which they came; `readBlock` collects one block from all parts. Memory: one part,
 * then one block. With places drawn from a permutation it is an external shuffle.
 *
 * A scatter file: uint32 starts[blocks + 1] in records, then records of `place in block, row`.
 */
export interface Scatter {
  /** Takes whole rows; `placeOf(i)` is the place of the i-th of them. */
  write(words: Int32Array, placeOf: (i: number) => number): void;
  close(): void;
}

export interface ScatterOptions {
  readonly path: string;
  /** Number of places, and of those of one block. */
  readonly places: number;
  readonly blockPlaces: number;
  readonly stride: number;
  /** Rows that will be written at most. */
  readonly capacity: number;
}

export function openScatter({ path, places, blockPlaces, stride, capacity }: ScatterOptions): Scatter {
  const held = new Int32Array(capacity * stride);
  const placed = new Float64Array(capacity);
  const starts = new Uint32Array(Math.ceil(places / blockPlaces) + 1);
  let used = 0;
  return {
    write(words, placeOf) {
      held.set(words, used * stride);
      for (let i = 0; i < words.length / stride; i++) {
        const place = placeOf(i);
        placed[used + i] = place;
        starts[Math.floor(place / blockPlaces) + 1]++;
      }
      used += words.length / stride;
    },
    close() {
      for (let block = 1; block < starts.length; block++) starts[block] += starts[block - 1];
      const next = starts.slice();
      const records = new Int32Array(used * (stride + 1));
      for (let i = 0; i < used; i++) {
        let at = next[Math.floor(placed[i] / blockPlaces)]++ * (stride + 1);
        records[at++] = placed[i] % blockPlaces;
        for (let from = i * stride; from < (i + 1) * stride; from++) records[at++] = held[from];
      }
      const sink = openSink(path);
      sink.write(bytesOf(starts));
      sink.write(bytesOf(records));
      sink.close();
    },
  };
}

/** Hands on the records of one block, part by part: `stride + 1` words each, the place inside the block first. */
export function readBlock(
  { scatterPaths, places, blockPlaces, stride }: Omit<ScatterOptions, "path" | "capacity"> & ScatterPaths,
  block: number,
  take: (records: Int32Array) => void,
): void {
  const blocks = Math.ceil(places / blockPlaces);
  const recordBytes = (stride + 1) * 4;
  for (const path of scatterPaths) {
    withFile(path, "r", (file) => {
      const range = new Uint32Array(2);
      readFully(file, bytesOf(range), block * 4, path);
      const records = new Int32Array(((range[1] - range[0]) * recordBytes) / 4);
      readFully(file, bytesOf(records), (blocks + 1) * 4 + range[0] * recordBytes, path);
      take(records);
    });
  }
}

export interface ScatterPaths {
  /** Scatter files of all parts, in order. */
  readonly scatterPaths: readonly string[];
}

export interface AssembleOptions extends ScatterPaths {
  readonly block: number;
  /** Rows of the output file, and of one block of it. */
  readonly rows: number;
  readonly blockRows: number;
  readonly stride: number;
  /** Exists with its full size. */
  readonly path: string;
}

/** Puts one block of the output file together. @throws DataError when the scatter files do not fill it exactly. */
export function assembleBlock({ block, rows, blockRows, stride, scatterPaths, path }: AssembleOptions): void {
  const first = block * blockRows;
  const out = new Int32Array(Math.min(blockRows, rows - first) * stride);
  let filled = 0;
  readBlock({ scatterPaths, places: rows, blockPlaces: blockRows, stride }, block, (records) => {
    for (let at = 0; at < records.length; at += stride + 1) {
      out.set(records.subarray(at + 1, at + 1 + stride), records[at] * stride);
      filled++;
    }
  });
  if (filled * stride !== out.length) {
    throw new DataError(`Block ${block} of '${path}' got ${filled} rows, expected ${out.length / stride}.`, {
      fix: "Delete the work directory and prepare again.",
      details: { path, found: filled, expected: out.length / stride },
    });
  }
  withFile(path, "r+", (file) => writeAt(file, path, first * stride * 4, bytesOf(out)));
}
