import { closeSync, fsyncSync, openSync, readdirSync, readSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "@fae/core";

/** Views any typed array as bytes; shares its memory. */
export const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** One call of the system moves less than 2 GiB. */
const maxCallBytes = 1 << 30;

/** Writes all bytes, at `position` or, when it is null, where the file stands. */
export function writeFully(file: number, bytes: Uint8Array, position: number | null = null): void {
  let done = 0;
  while (done < bytes.length) {
    const length = Math.min(maxCallBytes, bytes.length - done);
    done += writeSync(file, bytes, done, length, position === null ? null : position + done);
  }
}

/** Fills `bytes` from `position` on. @throws DataError when the file ends before. */
export function readFully(file: number, bytes: Uint8Array, position: number, path: string): void {
  let done = 0;
  while (done < bytes.length) {
    const n = readSync(file, bytes, done, Math.min(maxCallBytes, bytes.length - done), position + done);
    if (n === 0) {
      throw new DataError(`'${path}' ends at byte ${position + done}, expected ${position + bytes.length} bytes.`, {
        fix: "It was changed while it was read: run again when nothing writes to it.",
        details: { path, byteOffset: position + done, expected: position + bytes.length },
      });
    }
    done += n;
  }
}

/** Opens a file, hands it to `use` and closes it again. */
export function withFile<R>(path: string, flags: string, use: (file: number) => R): R {
  const file = openSync(path, flags);
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}

/** Makes what was written to a file or directory survive a power cut. */
export function syncPath(path: string): void {
  withFile(path, "r", fsyncSync);
}

/** Makes everything under a directory survive a power cut. */
export function syncTree(root: string): void {
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    const path = join(root, entry.name);
    if (entry.isDirectory()) syncTree(path);
    else if (entry.isFile()) syncPath(path);
  }
  syncPath(root);
}

/** Writes a small file so that a process that is killed leaves it whole or not at all. */
export function writeWhole(path: string, bytes: Uint8Array | string): void {
  const temporary = `${path}.tmp`;
  withFile(temporary, "w", (file) => {
    writeFully(file, typeof bytes === "string" ? Buffer.from(bytes) : bytes);
  });
  renameSync(temporary, path);
}

/** A file written front to back through one buffer. Close it. */
export interface Sink {
  write(bytes: Uint8Array): void;
  /** Writes what is left and closes the file. */
  close(): void;
  /** Closes the file as it is. */
  abandon(): void;
}

/** Creates `path`; `bufferBytes` are gathered before each write. */
export function openSink(path: string, bufferBytes = 1 << 18): Sink {
  const file = openSync(path, "w");
  const buffer = Buffer.allocUnsafe(bufferBytes);
  let used = 0;
  let isOpen = true;
  const flush = () => {
    writeFully(file, buffer.subarray(0, used));
    used = 0;
  };
  return {
    write(bytes) {
      if (used + bytes.length > buffer.length) flush();
      if (bytes.length > buffer.length) writeFully(file, bytes);
      else {
        buffer.set(bytes, used);
        used += bytes.length;
      }
    },
    close() {
      flush();
      isOpen = false;
      closeSync(file);
    },
    abandon() {
      if (isOpen) closeSync(file);
      isOpen = false;
    },
  };
}
