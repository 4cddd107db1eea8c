import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { checkArguments, DataError, expectFile, is, withPath } from "@fae/core";
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
    await rm(beside, { force: true });
    const file = await open(beside, "wx");
    try {
      await file.writeFile(text);
      await file.sync();
    } catch (error) {
      throw withPath(error, beside);
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

export const resultKind = is.matching("a result of a scenario", (value) => {
  const { error } = result.safeParse(value);
  return error === undefined ? null : z.prettifyError(error);
});

/** Writes `<scenario>.json` into a folder; the earlier one of that name is replaced. @returns its path */
export async function writeResult(directory: string, found: Result): Promise<string> {
  checkArguments("writeResult", { directory: [directory, is.text], found: [found, resultKind] });
  const path = join(directory, `${found.scenario}.json`);
  await writeWhole(path, `${JSON.stringify(result.parse(found), null, 1)}\n`);
  return path;
}

/**
 * Raw repeats as they come, a JSON line each, in `<scenario>.partial.jsonl` beside the result: what a run leaves that is cut
 * short. An earlier one of that name is replaced by the first repeat.
 */
export function keepRepeats(directory: string, scenario: string) {
  const path = join(directory, `${scenario}.partial.jsonl`);
  let flag = "w";
  return {
    add(repeat: Readonly<Record<string, unknown>>): void {
      mkdirSync(directory, { recursive: true });
      writeFileSync(path, `${JSON.stringify(repeat)}\n`, { flag });
      flag = "a";
    },
    remove: (): void => rmSync(path, { force: true }),
  };
}

/** @throws DataError naming the file and what is wrong with it. */
export async function readResult(path: string): Promise<Result> {
  checkArguments("readResult", { path: [path, is.text] });
  const value = await readJson(path);
  const parsed = result.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new DataError(
    `'${path}' is not a bench result: ${z.prettifyError(parsed.error).replaceAll(/\s*\n\s*/g, " ")}.`,
    { fix: "Give a result that `fae-bench run` wrote.", details: { path }, cause: parsed.error },
  );
}

async function readJson(path: string): Promise<unknown> {
  expectFile(path);
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(`'${path}' cannot be read: ${cause.message}.`, {
      fix: "Give a result that `fae-bench run` wrote.",
      details: { path },
      cause,
    });
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataError(`'${path}' is not valid JSON: ${(cause as Error).message}.`, {
      fix: "Run the scenario again.",
      details: { path },
      cause,
    });
  }
}

/** Records of other kinds may lie beside results: what says of itself that it is of a scenario must be a valid one. */
const claimsToBeResult = (value: unknown): boolean => z.looseObject({ scenario: z.unknown() }).safeParse(value).success;

export interface FoundResults {
  readonly folders: readonly ResultFolder[];
  /** JSON files that are something else. */
  readonly leftOut: readonly string[];
}

/**
 * Every result under a folder and its sub-folders, by folder.
 * @throws DataError for a damaged result, or when there is none.
 */
export async function readResults(directory: string): Promise<FoundResults> {
  checkArguments("readResults", { directory: [directory, is.text] });
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
  const folders = new Map<string, Result[]>();
  const leftOut: string[] = [];
  for (const { folder, path } of files) {
    if (claimsToBeResult(await readJson(path))) {
      folders.set(folder, [...(folders.get(folder) ?? []), await readResult(path)]);
    } else leftOut.push(path);
  }
  if (folders.size === 0) {
    throw new DataError(`'${directory}' holds no results.`, {
      fix: "Measure something first: `fae-bench run --out DIR`.",
      details: { path: directory, leftOut },
    });
  }
  return { folders: [...folders].map(([folder, results]) => ({ directory: folder, results })), leftOut };
}

/** Whether there is anything under that path. */
export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
