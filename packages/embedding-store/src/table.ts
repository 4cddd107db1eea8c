import { stat } from "node:fs/promises";
import { DataError, noRow } from "@fae/core";
import { tensorFile } from "./checkpoint-manifest.js";
import { type RowCache, rowCache } from "./row-cache.js";
import { openSafetensors, type Safetensors } from "./safetensors.js";
import type { TensorInfo } from "./safetensors-header.js";

/** Row ids; each in [0, rows). */
export type Ids = Int32Array | Uint32Array | readonly number[];

/** An embedding table in a file, for serving: rows are read by position when asked for. Calls may overlap. */
export interface Table extends AsyncDisposable {
  readonly name: string;
  /** N. */
  readonly rows: number;
  /** D. */
  readonly width: number;
  /** Rows `[ids.length, D]` in the order of the ids. @throws DataError for an id outside [0, rows). */
  lookup(ids: Ids): Promise<Float32Array>;
  /** Rows `[from, to)` in one read that leaves the cache alone: for going through a table. @throws DataError outside [0, rows]. */
  range(from: number, to: number): Promise<Float32Array>;
  /**
   * Sum of the rows of each bag, `[bags, D]`; an id of -1 adds nothing, nor does an empty bag.
   *
   * @param bags ids per bag, when all are equally long; or the position of each bag's first id, ascending from 0
   */
  lookupPooled(ids: Ids, bags: number | Uint32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface TableOptions {
  /** Memory for rows that were read before; default 32 MiB. */
  readonly cacheBytes?: number;
}

/** Rows are read and kept in blocks of about this many bytes, the page size of most disks and file systems. */
const blockBytes = 4096;
/** Neighbouring blocks are read at once, up to this many bytes; reads under way at the same time. */
const readBytes = 65536;
const readsAtOnce = 16;

/**
 * Opens a table of a checkpoint directory or of any safetensors file (F32, BF16), which may be larger than memory. In a
 * checkpoint ids are original ids.
 *
 * @param name the tensor; may be left out when the file has only one with two axes
 * @throws DataError when there is no such tensor or the file is damaged
 */
export async function openTable(
  path: string,
  name?: string,
  { cacheBytes = 32 * 2 ** 20 }: TableOptions = {},
): Promise<Table> {
  const isDirectory = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const file = await openSafetensors(isDirectory ? await tensorFile(path, name) : path);
  try {
    const info = chooseTensor(file, name);
    return table(file, info, cacheBytes);
  } catch (error) {
    await file.close();
    throw error;
  }
}

function chooseTensor(file: Safetensors, name: string | undefined): TensorInfo {
  const matrices = [...file.tensors.values()].filter((info) => info.shape.length === 2 && !info.name.includes("#"));
  if (name === undefined && matrices.length !== 1)
    throw new DataError(`'${file.path}' has ${matrices.length} tensors that can be a table.`, {
      fix: `Name one of ${matrices.map((info) => info.name).join(", ") || "a file with a tensor of two axes"}.`,
      details: { path: file.path, names: matrices.map((info) => info.name) },
    });
  const info = name === undefined ? matrices[0] : file.tensor(name);
  if (info.shape.length !== 2 || info.shape[1] === 0 || (info.dtype !== "F32" && info.dtype !== "BF16"))
    throw new DataError(
      `Tensor '${info.name}' of '${file.path}' is ${info.dtype} [${info.shape.join(", ")}], not a table.`,
      {
        fix: "A table is F32 or BF16 with two axes: rows and width.",
        details: { path: file.path, tensor: info.name, shape: info.shape, dtype: info.dtype },
      },
    );
  return info;
}

function table(file: Safetensors, info: TensorInfo, cacheBytes: number): Table {
  const { name } = info;
  const [rows, width] = info.shape;
  const blockRows = Math.max(1, Math.floor(blockBytes / (4 * width)));
  const cache = rowCache(blockRows * width, cacheBytes);
  const check = (id: number, position: number): void => {
    if (!Number.isInteger(id) || id < 0 || id >= rows)
      throw new DataError(`Table '${name}' of '${file.path}' has no row ${id} (position ${position}).`, {
        fix: `Ids are whole numbers from 0 to ${rows - 1}.`,
        details: { path: file.path, table: name, id, position, rows },
      });
  };
  const gather = async (ids: Ids, check: (id: number, position: number) => void): Promise<Float32Array> => {
    const out = new Float32Array(ids.length * width);
    const misses: number[] = [];
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i];
      check(id, i);
      if (id === noRow) continue;
      const block = Math.floor(id / blockRows);
      const at = cache.find(block);
      if (at === -1) misses.push(i);
      else copyRow(out, i * width, cache.values, at + (id - block * blockRows) * width, width);
    }
    if (misses.length > 0) await readMisses({ file, name, rows, width, blockRows, cache }, ids, misses, out);
    return out;
  };
  const close = (): Promise<void> => file.close();
  return {
    name,
    rows,
    width,
    lookup: (ids) => gather(ids, check),
    range: (from, to) => file.floats(name, from * width, (to - from) * width),
    async lookupPooled(ids, bags) {
      const starts = bagStarts(ids.length, bags);
      return pool(await gather(ids, (id, position) => id === noRow || check(id, position)), starts, width);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function copyRow(out: Float32Array, to: number, values: Float32Array, from: number, width: number): void {
  for (let d = 0; d < width; d++) out[to + d] = values[from + d];
}

interface Source {
  readonly file: Safetensors;
  readonly name: string;
  readonly rows: number;
  readonly width: number;
  readonly blockRows: number;
  readonly cache: RowCache;
}

/** Neighbouring blocks and the positions in `ids` (a range of `misses`, sorted by id) that want rows of them. */
interface Run {
  readonly firstBlock: number;
  lastBlock: number;
  readonly from: number;
  to: number;
}

/** Reads the blocks of the rows that the cache does not have, each once, some of them at a time, and fills `out`. */
async function readMisses(source: Source, ids: Ids, misses: number[], out: Float32Array): Promise<void> {
  const { file, name, rows, width, blockRows, cache } = source;
  misses.sort((a, b) => ids[a] - ids[b]);
  const longest = Math.max(1, Math.floor(readBytes / (4 * blockRows * width)));
  const runs: Run[] = [];
  misses.forEach((position, i) => {
    const block = Math.floor(ids[position] / blockRows);
    const last = runs[runs.length - 1];
    if (last !== undefined && block <= last.lastBlock + 1 && block - last.firstBlock < longest) {
      last.lastBlock = block;
      last.to = i + 1;
    } else runs.push({ firstBlock: block, lastBlock: block, from: i, to: i + 1 });
  });
  const readRun = async ({ firstBlock, lastBlock, from, to }: Run): Promise<void> => {
    const firstRow = firstBlock * blockRows;
    const endRow = Math.min(rows, (lastBlock + 1) * blockRows);
    const values = await file.floats(name, firstRow * width, (endRow - firstRow) * width);
    for (let i = from; i < to; i++) copyRow(out, misses[i] * width, values, (ids[misses[i]] - firstRow) * width, width);
    for (let block = firstBlock; block <= lastBlock; block++) {
      const start = (block - firstBlock) * blockRows * width;
      cache.put(block, values.subarray(start, start + blockRows * width));
    }
  };
  let next = 0;
  const reader = async (): Promise<void> => {
    try {
      while (next < runs.length) await readRun(runs[next++]);
    } finally {
      next = runs.length; // after a failed read the others stop too
    }
  };
  await Promise.all(Array.from({ length: Math.min(readsAtOnce, runs.length) }, reader));
}

/** Start of each bag, and the end of the last. @throws DataError when the bags do not cover the ids in order. */
function bagStarts(ids: number, bags: number | Uint32Array): Uint32Array {
  if (typeof bags === "number") {
    if (!Number.isInteger(bags) || bags < 1 || ids % bags !== 0)
      throw new DataError(`${ids} ids cannot be divided into bags of ${bags}.`, {
        fix: "Fill short bags with -1.",
        details: { ids, bags },
      });
    return Uint32Array.from({ length: ids / bags + 1 }, (_, i) => i * bags);
  }
  const wrong = bags.findIndex((start, i) => (i === 0 ? start !== 0 : start < bags[i - 1]) || start > ids);
  if (wrong !== -1 || (bags.length === 0 && ids > 0))
    throw new DataError(`Bag ${Math.max(0, wrong)} does not start at a position that follows, among ${ids} ids.`, {
      fix: "Give the position of each bag's first id, ascending, beginning with 0.",
      details: { ids, bag: wrong },
    });
  const starts = new Uint32Array(bags.length + 1);
  starts.set(bags);
  starts[bags.length] = ids;
  return starts;
}

/** Rows of -1 are zeros, so they add nothing. */
function pool(values: Float32Array, starts: Uint32Array, width: number): Float32Array {
  const out = new Float32Array((starts.length - 1) * width);
  for (let bag = 0; bag + 1 < starts.length; bag++)
    for (let i = starts[bag]; i < starts[bag + 1]; i++)
      for (let d = 0; d < width; d++) out[bag * width + d] += values[i * width + d];
  return out;
}
