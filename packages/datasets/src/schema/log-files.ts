import { readSync, statSync } from "node:fs";
import { basename } from "node:path";
import { DataError } from "@fae/core";
import { withFile } from "../prepare/files.js";
import { filesOf } from "./glob.js";
import type { LogDefinition, SchemaPath } from "./log-schema.js";

export type LogSplit = "train" | "val" | "test";

/** A file of a log. */
export interface LogFile {
  readonly path: string;
  readonly name: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly compression: "none" | "gzip" | "zstd";
  /** Where all its inputs go; null: each goes its own way. */
  readonly split: LogSplit | null;
}

/**
 * Files of a log in order: those that the schema names, or `given` in their place.
 * @throws DataError when a pattern matches nothing, or a file is missing, empty, no file, or named twice
 */
export function logFiles({ schema, where, directory }: LogDefinition, given?: readonly string[]): LogFile[] {
  const { files } = schema;
  const isParted = typeof files === "object" && !Array.isArray(files);
  if (given && given.length > 0) {
    if (!isParted) return unique(given.flatMap((path) => expand(path, process.cwd(), null, path)));
    throw new DataError(`${where(["files"])} names files for train, val and test: others cannot take their place.`, {
      fix: "Leave the files of the command out, or split by time, share or column.",
      details: { option: "files" },
    });
  }
  const of = (paths: string | readonly string[], split: LogSplit | null, path: SchemaPath) =>
    [paths].flat().flatMap((pattern) => expand(pattern, directory, split, where(path)));
  if (!isParted) return unique(of(files as string | string[], null, ["files"]));
  const { train, val = [], test = [] } = files as Record<LogSplit, string | string[] | undefined>;
  return unique([
    ...of(train ?? [], "train", ["files", "train"]),
    ...of(val, "val", ["files", "val"]),
    ...of(test, "test", ["files", "test"]),
  ]);
}

function expand(pattern: string, directory: string, split: LogSplit | null, where: string): LogFile[] {
  const paths = filesOf(pattern, directory);
  if (paths.length === 0)
    throw new DataError(`No file matches '${pattern}' (${where}).`, {
      fix: "Check the path.",
      details: { path: pattern },
    });
  return paths.map((path) => {
    const entry = statSync(path, { throwIfNoEntry: false });
    if (!entry)
      throw new DataError(`'${path}' does not exist (${where}).`, { fix: "Check the path.", details: { path } });
    if (!entry.isFile())
      throw new DataError(`'${path}' is not a regular file.`, {
        fix: `Give '${pattern}/*' for the files in it.`,
        details: { path },
      });
    if (entry.size === 0)
      throw new DataError(`'${path}' is empty.`, { fix: "Copy it again, or leave it out.", details: { path } });
    const name = basename(path);
    return { path, name, bytes: entry.size, modifiedMs: entry.mtimeMs, compression: compressionOf(path), split };
  });
}

function unique(files: LogFile[]): LogFile[] {
  const twice = files.find(({ path }, i) => files.findIndex((file) => file.path === path) < i);
  if (!twice) return files;
  throw new DataError(`'${twice.path}' is named twice.`, {
    fix: "Name every file once.",
    details: { path: twice.path },
  });
}

function compressionOf(path: string): LogFile["compression"] {
  const magic = Buffer.alloc(4);
  try {
    withFile(path, "r", (file) => readSync(file, magic, 0, 4, 0));
  } catch (cause) {
    throw new DataError(`'${path}' cannot be read.`, { fix: "Check its permissions.", details: { path }, cause });
  }
  if (magic[0] === 0x1f && magic[1] === 0x8b) return "gzip";
  return magic.readUInt32LE(0) === 0xfd2fb528 ? "zstd" : "none";
}
