import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { type BatchSource, DataError, strideBytes, strideWords } from "@fae/core";

/** What of a `BatchSource` is needed to read its inputs in file order. */
export type RowSource = Pick<BatchSource, "layout" | "rows" | "storage">;

/** Small enough that a block stays in a core's cache while its columns are walked. */
const blockBytes = 512 * 1024;

export interface Block {
  /** Words of `inputs` inputs; reused for the next block. */
  readonly words: Int32Array;
  /** Number of the first input. */
  readonly first: number;
  readonly inputs: number;
}

/**
 * Inputs `[first, end)` of a source in blocks.
 * @param wants skips a block for which it is false.
 * @throws DataError when the file is missing or does not have rows x stride bytes.
 */
export function* eachBlock(
  source: RowSource,
  first: number,
  end: number,
  wants: (first: number, end: number) => boolean = () => true,
): Generator<Block, void, undefined> {
  const stride = strideWords(source.layout);
  const step = Math.max(1, Math.floor(blockBytes / (4 * stride)));
  const { storage } = source;
  if (storage.kind === "memory") {
    checkSize("The inputs in memory have", 4 * storage.words.length, source);
    const words = new Int32Array(storage.words.buffer, storage.words.byteOffset, storage.words.length);
    for (let row = first; row < end; row += step) {
      const inputs = Math.min(step, end - row);
      if (wants(row, row + inputs))
        yield { words: words.subarray(row * stride, (row + inputs) * stride), first: row, inputs };
    }
    return;
  }
  const file = openSource(storage.path);
  try {
    checkSize(`'${storage.path}' has`, fstatSync(file).size, source);
    const bytes = new Uint8Array(4 * stride * Math.min(step, Math.max(0, end - first)));
    const words = new Int32Array(bytes.buffer);
    for (let row = first; row < end; row += step) {
      const inputs = Math.min(step, end - row);
      if (!wants(row, row + inputs)) continue;
      readExactly(file, storage.path, bytes.subarray(0, inputs * stride * 4), row * stride * 4);
      yield { words, first: row, inputs };
    }
  } finally {
    closeSync(file);
  }
}

/** Copies single inputs of a source, in any order, to `out`. @throws as `eachBlock` */
export function copyInputs(source: RowSource, inputs: ArrayLike<number>, out: Int32Array): void {
  const stride = strideWords(source.layout);
  const { storage } = source;
  if (storage.kind === "memory") {
    checkSize("The inputs in memory have", 4 * storage.words.length, source);
    for (let i = 0; i < inputs.length; i++)
      out.set(storage.words.subarray(inputs[i] * stride, (inputs[i] + 1) * stride), i * stride);
    return;
  }
  const file = openSource(storage.path);
  try {
    checkSize(`'${storage.path}' has`, fstatSync(file).size, source);
    const bytes = new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
    for (let i = 0; i < inputs.length; i++)
      readExactly(file, storage.path, bytes.subarray(i * stride * 4, (i + 1) * stride * 4), inputs[i] * stride * 4);
  } finally {
    closeSync(file);
  }
}

function openSource(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw new DataError(`'${path}' cannot be read: ${(cause as Error).message}.`, {
      fix: "Check the path and its permissions.",
      details: { path },
      cause,
    });
  }
}

function readExactly(file: number, path: string, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    const read = readSync(file, bytes, done, bytes.length - done, position + done);
    if (read === 0)
      throw new DataError(`'${path}' ended at byte ${position + done} while it was read.`, {
        fix: "Leave the file alone while it is in use.",
        details: { path, byteOffset: position + done },
      });
    done += read;
  }
}

function checkSize(what: string, found: number, { rows, layout }: RowSource): void {
  const expected = rows * strideBytes(layout);
  if (found === expected) return;
  throw new DataError(
    `${what} ${found} bytes, expected ${expected} (${rows} inputs of ${strideBytes(layout)} bytes).`,
    {
      fix: "Prepare the data set again, or give the layout it was made with.",
      details: { found, expected },
    },
  );
}
