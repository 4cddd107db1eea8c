import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DataError } from "@fae/core";
import { z } from "zod";
import { type Result, result } from "./result.js";

/** The results of one folder: of one machine, normally. */
export interface ResultFolder {
  readonly directory: string;
  /** In the order of their file names. */
  readonly results: readonly Result[];
}

/** Writes text that appears under its name complete or not at all: beside it, synced, renamed. Makes the folder. */
export async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const beside = `${path}.${process.pid}.partial`;
  try {
    const file = await open(beside, "w");
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/** Writes `<scenario>.json` into a folder; the earlier one of that name is replaced. @returns its path */
export async function writeResult(directory: string, found: Result): Promise<string> {
  const path = join(directory, `${found.scenario}.json`);
  await writeWhole(path, `${JSON.stringify(result.parse(found), null, 1)}\n`);
  return path;
}

/** @throws DataError naming the file and what is wrong with it. */
export async function readResult(path: string): Promise<Result> {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(`'${path}' cannot be read: ${cause.message}.`, {
      fix: "Give a result that `fae-bench run` wrote.",
      details: { path },
      cause,
    });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DataError(`'${path}' is not valid JSON: ${(cause as Error).message}.`, {
      fix: "Run the scenario again.",
      details: { path },
      cause,
    });
  }
  const parsed = result.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new DataError(
    `'${path}' is not a bench result: ${z.prettifyError(parsed.error).replaceAll(/\s*\n\s*/g, " ")}.`,
    {
      fix: "Give results that `fae-bench run` wrote, and keep other JSON files out of their folder.",
      details: { path },
      cause: parsed.error,
    },
  );
}

/**
 * Every result under a folder and its sub-folders, by folder.
 * @throws DataError for a file that is no result, or when there is none.
 */
export async function readResults(directory: string): Promise<ResultFolder[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch((cause: Error) => {
    throw new DataError(`'${directory}' is not a folder of results: ${cause.message}.`, {
      fix: "Give the folder that `fae-bench run --out` wrote to.",
      details: { path: directory },
      cause,
    });
  });
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".json"))
    .map((entry) => ({ folder: entry.parentPath, path: join(entry.parentPath, entry.name) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  if (files.length === 0) {
    throw new DataError(`'${directory}' holds no results.`, {
      fix: "Measure something first: `fae-bench run --out DIR`.",
      details: { path: directory },
    });
  }
  const folders = new Map<string, Result[]>();
  for (const { folder, path } of files) {
    const results = folders.get(folder) ?? [];
    results.push(await readResult(path));
    folders.set(folder, results);
  }
  return [...folders].map(([folder, results]) => ({ directory: folder, results }));
}

/** Whether there is anything under that path. */
export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
