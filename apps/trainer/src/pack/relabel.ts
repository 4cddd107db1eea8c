import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { DataError, idsPerStep, noRow, type RowLayout, strideWords } from "@fae/core";

/** Inputs that one thread relabels at a time. */
export const chunkInputs = 8192;

/**
 * What one split's threads share. Everything in shared memory is written by one thread per chunk: `next` is claimed
 * atomically, so that chunks are begun in order, and the lowest unfinished one never waits for another.
 */
export interface RelabelTask {
  readonly layout: RowLayout;
  readonly tableNames: readonly string[];
  /** Inputs of the split. */
  readonly rows: number;
  readonly input: string;
  readonly output: string;
  /** Files of purely hot inputs and of the others; null for a held-out split. */
  readonly classes: { readonly hot: string; readonly cold: string } | null;
  /** By table: new id of each old id. */
  readonly newIds: readonly Uint32Array[];
  /** By table: ids below this are hot. */
  readonly hotRows: readonly number[];
  /** [0]: next chunk to claim. */
  readonly next: Int32Array;
  /** Per chunk: hot inputs; -1 until they are known. */
  readonly hotInputs: Int32Array;
  /** Per chunk: hot inputs with label 1. */
  readonly hotPositives: Int32Array;
  /** Per chunk: 1 when its inputs are written. */
  readonly done: Int32Array;
}

/**
 * Relabels chunks of a split until none is left: writes every input with new ids at its old place and, into the class files,
 * hot and cold inputs in their order. Yields the inputs of each finished chunk.
 * @throws DataError for an id outside its table
 */
export function* relabel(task: RelabelTask): Generator<number, void> {
  const files = openFiles(task);
  try {
    const chunk = new Int32Array(chunkInputs * strideWords(task.layout));
    const hot = new Int32Array(task.classes ? chunk.length : 0);
    const cold = new Int32Array(task.classes ? chunk.length : 0);
    const chunks = task.hotInputs.length;
    let counted = 0;
    let hotBefore = 0;
    for (let k = Atomics.add(task.next, 0, 1); k < chunks; k = Atomics.add(task.next, 0, 1)) {
      const first = k * chunkInputs;
      const inputs = Math.min(chunkInputs, task.rows - first);
      const stride = strideWords(task.layout);
      const words = chunk.subarray(0, inputs * stride);
      readAll(files.input, words, first * stride * 4, task.input);
      const found = relabelWords(task, words, first, hot, cold);
      Atomics.store(task.hotPositives, k, found.hotPositives);
      Atomics.store(task.hotInputs, k, found.hotInputs);
      Atomics.notify(task.hotInputs, k);
      writeAll(files.output, words, first * stride * 4);
      if (task.classes) {
        for (; counted < k; counted++) {
          Atomics.wait(task.hotInputs, counted, -1);
          hotBefore += Atomics.load(task.hotInputs, counted);
        }
        writeAll(files.hot, hot.subarray(0, found.hotInputs * stride), hotBefore * stride * 4);
        writeAll(files.cold, cold.subarray(0, (inputs - found.hotInputs) * stride), (first - hotBefore) * stride * 4);
      }
      Atomics.store(task.done, k, 1);
      yield inputs;
    }
  } finally {
    for (const file of Object.values(files)) if (file >= 0) closeSync(file);
  }
}

function openFiles({ input, output, classes }: RelabelTask) {
  return {
    input: openSync(input, "r"),
    output: openSync(output, "r+"),
    hot: classes ? openSync(classes.hot, "r+") : -1,
    cold: classes ? openSync(classes.cold, "r+") : -1,
  };
}

/** Gives `words` new ids in place and copies each input to its class. */
function relabelWords(task: RelabelTask, words: Int32Array, first: number, hot: Int32Array, cold: Int32Array) {
  const { layout, newIds, hotRows, classes } = task;
  const stride = strideWords(layout);
  const { denseFeatures, hotness } = layout;
  const steps = Math.max(1, layout.steps);
  const stepWords = denseFeatures + idsPerStep(layout);
  let hotAt = 0;
  let coldAt = 0;
  let hotPositives = 0;
  for (let start = 0; start < words.length; start += stride) {
    let isHot = true;
    for (let step = 0; step < steps; step++) {
      let at = start + 1 + step * stepWords + denseFeatures;
      for (let t = 0; t < hotness.length; t++) {
        const ids = newIds[t];
        const limit = hotRows[t];
        for (let l = 0; l < hotness[t]; l++, at++) {
          const old = words[at];
          if (old === noRow) continue;
          if (old < 0 || old >= ids.length) throw idOutside(task, first + start / stride, t, old);
          const id = ids[old];
          words[at] = id;
          if (id >= limit) isHot = false;
        }
      }
    }
    if (classes === null) continue;
    // Copying word by word beats set(subarray) for rows of this size: no view is made per input.
    if (isHot) {
      hotPositives += words[start];
      for (let i = 0; i < stride; i++) hot[hotAt + i] = words[start + i];
      hotAt += stride;
    } else {
      for (let i = 0; i < stride; i++) cold[coldAt + i] = words[start + i];
      coldAt += stride;
    }
  }
  return { hotInputs: hotAt / stride, hotPositives };
}

const idOutside = ({ tableNames, newIds, input }: RelabelTask, row: number, table: number, id: number) =>
  new DataError(
    `'${input}' has id ${id} of table '${tableNames[table]}' in input ${row}, expected -1 to ${newIds[table].length - 1}.`,
    {
      fix: "Prepare the data set again.",
      details: { path: input, row, table: tableNames[table], found: id, expected: newIds[table].length },
    },
  );

const bytesOf = (words: Int32Array): Uint8Array => new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

function readAll(file: number, words: Int32Array, position: number, path: string): void {
  const bytes = bytesOf(words);
  for (let done = 0; done < bytes.length; ) {
    const read = readSync(file, bytes, done, bytes.length - done, position + done);
    if (read === 0) {
      throw new DataError(`'${path}' ended at byte ${position + done} while it was read.`, {
        fix: "Leave the file alone while it is in use.",
        details: { path, byteOffset: position + done },
      });
    }
    done += read;
  }
}

function writeAll(file: number, words: Int32Array, position: number): void {
  const bytes = bytesOf(words);
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, position + done);
  }
}
