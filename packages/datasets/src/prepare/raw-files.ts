import { existsSync, readdirSync, readSync, type Stats, statSync } from "node:fs";
import { basename, join } from "node:path";
import { DataError } from "@fae/core";
import type { RawFormat } from "../raw-format.js";
import { rawFormats } from "../raw-formats.js";
import { logForm } from "../text/log-form.js";
import { withFile } from "./files.js";
import type { RawFile } from "./part.js";
import { emptyFile } from "./read-text.js";
import { sampleText } from "./sample.js";
import type { Warning } from "./warnings.js";

/** A raw file that was found, before its text is looked at. */
export interface FoundFile extends Omit<RawFile, "form">, FileState {
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

export interface SourceFile extends FoundFile, RawFile {}

/**
 * The raw files that a call names, in order. A single directory stands for the files in it that carry the format's published
 * names, plain or with `.gz`.
 * @throws DataError when a file is missing, empty, or no file.
 */
export function findRawFiles(format: RawFormat, given: readonly string[]): { files: FoundFile[]; warnings: Warning[] } {
  const { paths, warnings } = expand(format, given);
  const files = paths.map((path, file) => {
    const entry = statSync(path, { throwIfNoEntry: false });
    if (!entry && path === "-") throw notKept("Standard input");
    if (!entry) {
      throw new DataError(`'${path}' does not exist.`, { fix: "Check the path.", details: { path } });
    }
    if (!entry.isFile()) throw notFile(path, entry);
    if (entry.size === 0) throw emptyFile(path);
    return { path, file, ...stateOf(entry), name: basename(path), isGzip: isGzip(path) };
  });
  return { files, warnings };
}

/**
 * Looks at how each file is written, before any line is rejected.
 * @throws DataError for a file of another kind
 */
export async function lookAtFiles(
  format: RawFormat,
  files: readonly FoundFile[],
): Promise<{ sources: SourceFile[]; warnings: Warning[] }> {
  const sources: SourceFile[] = [];
  const warnings: Warning[] = [];
  for (const file of files) {
    const { path, isGzip, name } = file;
    const { text, isWhole } = await sampleText(path, isGzip);
    const form = logForm(format, { path, isGzip, unlabelled: false }, text, isWhole);
    sources.push({ ...file, form });
    const other = otherLog(format, name);
    if (other) {
      const message = `'${name}' is the published name of a file of ${other.name}; it was read as ${format.name}.`;
      warnings.push({ code: "other-log-name", message });
    }
    if (form.hasHeader && format.header === null)
      warnings.push({
        code: "header-skipped",
        message: `The first line of '${name}' names the columns; it was skipped.`,
      });
    if (form.line.delimiter !== format.line.delimiter) {
      const found = form.line.delimiter === "," ? "commas" : "tabs";
      warnings.push({ code: "other-delimiter", message: `'${name}' has ${found} between its fields; it was read so.` });
    }
  }
  return { sources, warnings };
}

/** The log whose lines look the same, as those of the two Criteo logs do, and that has a file of this name. */
function otherLog(format: RawFormat, name: string): RawFormat | undefined {
  const bare = name.replace(/\.gz$/, "");
  if (format.fileNames.includes(bare)) return undefined;
  const alike = ({ line }: RawFormat) => JSON.stringify(line) === JSON.stringify(format.line);
  return Object.values(rawFormats).find((other) => alike(other) && other.fileNames.includes(bare));
}

function expand(format: RawFormat, given: readonly string[]): { paths: readonly string[]; warnings: Warning[] } {
  const [directory] = given;
  if (given.length !== 1 || !statSync(directory, { throwIfNoEntry: false })?.isDirectory())
    return { paths: given, warnings: [] };
  const found = format.fileNames.flatMap((name) =>
    namesOf(name)
      .filter((name) => existsSync(join(directory, name)))
      .slice(0, 1),
  );
  const others = readdirSync(directory).filter((name) => !found.includes(name) && !name.startsWith("."));
  if (found.length === 0) {
    const held =
      others.length === 0 ? "nothing" : `${others.slice(0, 5).join(", ")}${others.length > 5 ? ", ..." : ""}`;
    throw new DataError(
      `'${directory}' holds none of ${format.fileNames.slice(0, 3).join(", ")} (plain or .gz); it holds ${held}.`,
      { fix: "Name the files themselves.", details: { path: directory, expected: format.fileNames } },
    );
  }
  const stem = /^[a-z]+_?/i.exec(format.fileNames[0])?.[0].toLowerCase() ?? "";
  const leftOut = others.filter((name) => name.toLowerCase().startsWith(stem)).sort();
  return {
    paths: found.map((name) => join(directory, name)),
    warnings: leftOut.map((name) => ({
      code: "file-left-out",
      message: `'${name}' was left out: its name is none of the published ones${twin(name, found)}.`,
    })),
  };
}

/** As published, compressed, and compressed under the name that Kaggle gives: `train.gz` holds `train.csv`. */
const namesOf = (name: string): string[] => [name, `${name}.gz`, name.replace(/(\.\w+)?$/, ".gz")];

/** Says of a second copy of a day which file was taken. */
function twin(name: string, found: readonly string[]): string {
  const taken = found.find((other) => `${other}.gz` === name);
  return taken === undefined ? "" : `, and '${taken}' is there`;
}

function notFile(path: string, entry: Stats): DataError {
  if (!entry.isDirectory()) return notKept(`'${path}'`);
  return new DataError(`'${path}' is a directory.`, {
    fix: "Give one directory and nothing else, or the files themselves.",
    details: { path },
  });
}

const notKept = (what: string): DataError =>
  new DataError(
    `${what} is not a regular file: prepare reads its input at many places at once, and again after an interruption.`,
    {
      fix: "Give a plain or gzip file; write what a pipe gives to a file first.",
      details: { found: what },
    },
  );

function isGzip(path: string): boolean {
  const magic = Buffer.alloc(2);
  try {
    withFile(path, "r", (file) => readSync(file, magic, 0, 2, 0));
  } catch (cause) {
    throw new DataError(`'${path}' cannot be read.`, { fix: "Check its permissions.", details: { path }, cause });
  }
  return magic[0] === 0x1f && magic[1] === 0x8b;
}
