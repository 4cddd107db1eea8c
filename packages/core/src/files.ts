/** The only file of this package that reads data files. Numbers in files are little-endian, as on every host that Node runs on today. */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  type Stats,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { checkArguments } from "./check-call.js";
import { DataError } from "./errors.js";
import { is } from "./kinds.js";

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

/** More than any manifest of a real data set, model or profile has, and little enough to parse. */
const mostTextBytes = 64 << 20;

/**
 * Reads a text file that is small by its nature, such as a manifest.
 * @throws DataError for one that is too large or no regular file; errors of the system
 */
export function readSmallFile(path: string): string {
  const entry = statSync(path);
  if (entry.isFile() && entry.size <= mostTextBytes) return readFileSync(path, "utf8");
  throw new DataError(
    entry.isFile() ? `'${path}' has ${entry.size} bytes, at most ${mostTextBytes} are read.` : `'${path}' is no file.`,
    { fix: "Give the file that FAE wrote.", details: { path, found: entry.size, expected: mostTextBytes } },
  );
}

/**
 * Refuses what is there but no file that has an end, such as a FIFO, whose opening would wait for a writer for ever. A path that
 * leads to nothing is left to whoever opens it.
 * @throws DataError
 */
export function expectFile(path: string): void {
  checkArguments("expectFile", { path: [path, is.text] });
  const found = entryOf(path);
  if (found === null || found.isFile()) return;
  const what = found.isDirectory() ? "a directory" : found.isFIFO() ? "a FIFO" : "a device or socket";
  throw new DataError(`'${path}' is ${what}, expected a file.`, {
    fix: "Name a file; copy what a FIFO or device gives into one.",
    details: { path, found: what },
  });
}

/** Null where nothing can be looked at: whoever opens it says why. */
function entryOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

/**
 * Refuses a directory that holds a link, at any depth: what is written into it would land elsewhere, where a directory from
 * somebody else may have it. The directory itself may be a link, which its owner made.
 * @throws DataError naming the link
 */
export function expectNoLinks(directory: string): void {
  checkArguments("expectNoLinks", { directory: [directory, is.text] });
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return;
  const link = readdirSync(directory, { recursive: true, withFileTypes: true }).find((entry) => entry.isSymbolicLink());
  if (link === undefined) return;
  const path = join(link.parentPath, link.name);
  throw new DataError(`'${path}' is a link; nothing is written into a directory that holds one.`, {
    fix: "Replace it by what it leads to, if you trust it.",
    details: { path },
  });
}

function descriptor(path: string, of: string): number {
  expectFile(path);
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
  checkArguments("readOriginalIds", { path: [path, is.text], table: [table, is.text], rows: [rows, is.whole()] });
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
