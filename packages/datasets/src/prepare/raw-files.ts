import { existsSync, readSync, type Stats, statSync } from "node:fs";
import { basename, join } from "node:path";
import { DataError } from "@fae/core";
import type { RawFormat } from "../raw-format.js";
import { withFile } from "./files.js";
import { emptyFile, type RawFile } from "./read-text.js";

export interface SourceFile extends RawFile, FileState {
  readonly name: string;
  readonly isGzip: boolean;
}

/** What a file cannot be written to without changing. */
export interface FileState {
  readonly bytes: number;
  readonly modifiedMs: number;
  /** Of contents or of what the system keeps about it. */
  readonly changedMs: number;
}

const stateOf = ({ size, mtimeMs, ctimeMs }: Stats): FileState => ({
  bytes: size,
  modifiedMs: mtimeMs,
  changedMs: ctimeMs,
});

export const fileState = (path: string): FileState => stateOf(statSync(path));

/** @throws DataError for a file that was written to, or replaced, since it had that state. */
export function expectUnchanged(path: string, before: FileState): void {
  const found = statSync(path, { throwIfNoEntry: false });
  const now = found && stateOf(found);
  if (now?.bytes === before.bytes && now.modifiedMs === before.modifiedMs && now.changedMs === before.changedMs) return;
  throw new DataError(`'${path}' changed while it was read.`, {
    fix: "Run again when nothing writes to it.",
    details: { path, found: now ?? null, expected: before },
  });
}

/**
 * The raw files that a call names, in order. A single directory stands for the files in it that carry the format's published
 * names, plain or with `.gz`.
 * @throws DataError when a file is missing, empty, or no file.
 */
export function findRawFiles(format: RawFormat, given: readonly string[]): SourceFile[] {
  return expand(format, given).map((path, file) => {
    const entry = statSync(path, { throwIfNoEntry: false });
    if (!entry) {
      throw new DataError(`'${path}' does not exist.`, { fix: "Check the path.", details: { path } });
    }
    if (!entry.isFile()) {
      throw new DataError(`'${path}' is not a regular file.`, { fix: "Give a plain or gzip file.", details: { path } });
    }
    if (entry.size === 0) throw emptyFile(path);
    return { path, file, ...stateOf(entry), name: basename(path), isGzip: isGzip(path) };
  });
}

function expand(format: RawFormat, given: readonly string[]): readonly string[] {
  const [directory] = given;
  if (given.length !== 1 || !statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return given;
  const found = format.fileNames.flatMap((name) =>
    [join(directory, name), join(directory, `${name}.gz`)].filter((path) => existsSync(path)).slice(0, 1),
  );
  if (found.length > 0) return found;
  throw new DataError(`'${directory}' holds none of ${format.fileNames.slice(0, 3).join(", ")} (plain or .gz).`, {
    fix: "Name the files themselves.",
    details: { path: directory, expected: format.fileNames },
  });
}

function isGzip(path: string): boolean {
  const magic = Buffer.alloc(2);
  try {
    withFile(path, "r", (file) => readSync(file, magic, 0, 2, 0));
  } catch (cause) {
    throw new DataError(`'${path}' cannot be read.`, { fix: "Check its permissions.", details: { path }, cause });
  }
  return magic[0] === 0x1f && magic[1] === 0x8b;
}
