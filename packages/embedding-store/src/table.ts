import { stat } from "node:fs/promises";
import { checkArguments, checkOptions, DataError, DisposedError, is, noRow } from "@fae/core";
import { bagStarts, pool } from "./bags.js";
import { tableKinds } from "./call-kinds.js";
import { tableFiles } from "./checkpoint-manifest.js";
import { idsTensor } from "./checkpoint-tensors.js";
import { type RowCache, rowCache } from "./row-cache.js";
import { openSafetensors, type Safetensors } from "./safetensors.js";
import type { TensorInfo } from "./safetensors-header.js";
import { overlaid } from "./table-overlay.js";
import type { Ids, Table } from "./table-types.js";

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
export async function openTable(path: string, name?: string, options: TableOptions = {}): Promise<Table> {
  checkArguments("openTable", { path: [path, is.text], name: [name, is.maybe(is.text)] });
  checkOptions<TableOptions>("openTable", options, tableKinds);
  const { cacheBytes = 32 * 2 ** 20 } = options;
  const isDirectory = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isDirectory) return openFile(path, name, cacheBytes);
  const files = await tableFiles(path, name);
  if (files.changed === null) return openFile(files.all, files.table, cacheBytes);
  const all = await openFile(files.all, files.table, cacheBytes / 2);
  try {
    await using file = await openSafetensors(files.changed);
    const ids = await file.integers(idsTensor(files.table));
    return overlaid(all, ids, await openFile(files.changed, files.table, cacheBytes / 2));
  } catch (error) {
    await all.close();
    throw error;
  }
}

async function openFile(path: string, name: string | undefined, cacheBytes: number): Promise<Table> {
  const file = await openSafetensors(path);
  try {
    return table(file, chooseTensor(file, name), cacheBytes);
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
  let isOpen = true;
  const check = (id: number, position: number): void => {
    if (!Number.isInteger(id) || id < 0 || id >= rows)
      throw new DataError(`Table '${name}' of '${file.path}' has no row ${id} (position ${position}).`, {
        fix: `Ids are whole numbers from 0 to ${rows - 1}.`,
        details: { path: file.path, table: name, id, position, rows },
      });
  };
  const gather = async (ids: Ids, check: (id: number, position: number) => void): Promise<Float32Array> => {
    if (!isOpen) throw new DisposedError(`Table '${name}' of '${file.path}' is closed.`, { fix: "Open it again." });
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
  const close = (): Promise<void> => {
    isOpen = false;
    return file.close();
  };
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
