import { closeSync, fsyncSync, openSync, readdirSync, readSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DataError, naming, syncPath, writeFully } from "@fae/core";
import { noteBytes, noteRange, sumOf, type Written } from "./written.js";

/** Views any typed array as bytes; shares its memory. */
export const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** One call of the system moves less than 2 GiB. */
const maxCallBytes = 1 << 30;

/** Writes to a place of a file of the data set and notes it: see `collectingWrites`. */
export function writeAt(file: number, path: string, position: number, bytes: Uint8Array): void {
  writeFully(file, bytes, path, position);
  noteBytes(path, position, bytes);
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

/** Opens a file, hands it to `use` and closes it again. Errors of the system name the path. */
export function withFile<R>(path: string, flags: string, use: (file: number) => R): R {
  const file = openSync(path, flags);
  try {
    return naming(path, () => use(file));
  } finally {
    closeSync(file);
  }
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

/** Writes a small file so that a process that is killed, or with `durable` a machine that goes down, leaves it whole or not at all. */
export function writeWhole(path: string, bytes: Uint8Array | string, { durable = false } = {}): void {
  const temporary = `${path}.tmp`;
  rmSync(temporary, { force: true }); // never written through, should it be a link
  withFile(temporary, "wx", (file) => {
    writeFully(file, typeof bytes === "string" ? Buffer.from(bytes) : bytes, temporary);
    if (durable) fsyncSync(file);
  });
  renameSync(temporary, path);
}

/** Copies a file through a small buffer; the sum of the copy. */
export function copyWhole(from: string, to: string): Written {
  const sink = openSink(to, 0);
  const block = Buffer.allocUnsafe(1 << 20);
  try {
    withFile(from, "r", (file) => {
      for (let n = readSync(file, block); n > 0; n = readSync(file, block)) sink.write(block.subarray(0, n));
    });
    return sink.close();
  } catch (error) {
    sink.abandon();
    throw error;
  }
}

/** A file written front to back through one buffer. Close it. */
export interface Sink {
  write(bytes: Uint8Array): void;
  /** Writes what is left and closes the file; its sum. */
  close(): Written;
  /** Closes the file as it is. */
  abandon(): void;
}

/** Creates `path`; `bufferBytes` are gathered before each write. What is written is noted: see `collectingWrites`. */
export function openSink(path: string, bufferBytes = 1 << 18): Sink {
  const file = openSync(path, "w");
  const buffer = Buffer.allocUnsafe(bufferBytes);
  let used = 0;
  let isOpen = true;
  let at = 0;
  let crc32 = 0;
  const put = (bytes: Uint8Array) => {
    writeFully(file, bytes, path);
    crc32 = sumOf(bytes, crc32);
    at += bytes.length;
  };
  const flush = () => {
    put(buffer.subarray(0, used));
    used = 0;
  };
  return {
    write(bytes) {
      if (used + bytes.length > buffer.length) flush();
      if (bytes.length > buffer.length) put(bytes);
      else {
        buffer.set(bytes, used);
        used += bytes.length;
      }
    },
    close() {
      flush();
      isOpen = false;
      closeSync(file);
      const range = { path, from: 0, bytes: at, crc32 };
      noteRange(range);
      return range;
    },
    abandon() {
      if (isOpen) closeSync(file);
      isOpen = false;
    },
  };
}
