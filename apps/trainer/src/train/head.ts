import { closeSync, openSync, readSync } from "node:fs";
import { type BatchSource, DataError, strideBytes } from "@fae/core";

/** The first `rows` inputs of a source as a source in memory of another name. @throws DataError when the file is cut */
export function headOf(source: BatchSource, rows: number, name: string): BatchSource {
  const count = Math.min(rows, source.rows);
  const bytes = new Uint8Array(count * strideBytes(source.layout));
  if (source.storage.kind === "memory") {
    const { words } = source.storage;
    bytes.set(new Uint8Array(words.buffer, words.byteOffset, bytes.length));
  } else {
    readInto(bytes, source.storage.path);
  }
  return { ...source, name, rows: count, storage: { kind: "memory", words: new Uint32Array(bytes.buffer) } };
}

function readInto(bytes: Uint8Array, path: string): void {
  const file = openSync(path, "r");
  try {
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(file, bytes, done, bytes.length - done, done);
      if (read === 0) {
        throw new DataError(`${path} ends at byte ${done}, expected at least ${bytes.length}.`, {
          fix: "Prepare the data set again.",
          details: { path, found: done, expected: bytes.length },
        });
      }
      done += read;
    }
  } finally {
    closeSync(file);
  }
}
