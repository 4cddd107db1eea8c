/** The only file of this package that reads files. Numbers in files are little-endian, as on every host that Node runs on today. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { DataError } from "./errors.js";

/** An open file. Owns the descriptor: close it. */
export interface InputFile {
  readonly path: string;
  readonly bytes: number;
  /** Fills `out` from byte `from` on. @throws DataError when the file ends before. */
  read(out: Uint8Array, from: number): void;
  close(): void;
}

/** @param of what the file is, for messages. @throws DataError when it cannot be opened. */
export function openInput(path: string, of: string): InputFile {
  const file = descriptor(path, of);
  const stats = fstatSync(file);
  if (!stats.isFile()) {
    closeSync(file);
    throw new DataError(`'${path}' of ${of} is not a regular file.`, {
      fix: "Name a file on a disk: pipes, devices and folders cannot be read at any place.",
      details: { path },
    });
  }
  return {
    path,
    bytes: stats.size,
    read(out, from) {
      for (let done = 0; done < out.length; ) {
        const count = readSync(file, out, done, out.length - done, from + done);
        if (count === 0)
          throw new DataError(`File '${path}' of ${of} ended at byte ${from + done} while it was read.`, {
            fix: "Leave the file alone while it is in use.",
            details: { path, byteOffset: from + done },
          });
        done += count;
      }
    },
    close: () => closeSync(file),
  };
}

function descriptor(path: string, of: string): number {
  try {
    // Without waiting: a pipe would keep the thread until somebody writes to it.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new DataError(`File '${path}' of ${of} cannot be opened: ${(cause as Error).message}.`, {
      fix: "Check the path and its permissions.",
      details: { path },
      cause,
    });
  }
}

/**
 * Reads `original[id]`, one uint32 per row of a table in popularity order.
 * @throws DataError when the file does not hold `rows` values below `rows`.
 */
export function readOriginalIds(path: string, table: string, rows: number): Uint32Array {
  const file = openInput(path, `table '${table}'`);
  try {
    if (file.bytes !== rows * 4)
      throw new DataError(
        `File '${path}' has ${file.bytes} bytes, but the ${rows} original ids of table '${table}' take ${rows * 4}.`,
        {
          fix: "Use the pack made from this data set.",
          details: { path, table, found: file.bytes, expected: rows * 4 },
        },
      );
    const ids = new Uint32Array(rows);
    file.read(new Uint8Array(ids.buffer), 0);
    const id = ids.findIndex((original) => original >= rows);
    if (id >= 0)
      throw new DataError(`File '${path}' gives row ${id} of table '${table}' the original id ${ids[id]} of ${rows}.`, {
        fix: "Use the pack made from this data set.",
        details: { path, table, row: id, found: ids[id], cardinality: rows },
      });
    return ids;
  } finally {
    file.close();
  }
}
