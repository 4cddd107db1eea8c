import { mkdir, mkdtemp, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "@fae/core";
import { InvalidArgumentError } from "commander";

/** A whole number of at least `least`, for commander. */
export const wholeNumber =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`);
  };

/** What the commands write to and are stopped by; tests pass their own. */
export interface BenchIo {
  /** Results only. */
  readonly stdout: { write(text: string): unknown };
  /** Logs. */
  readonly stderr: { write(text: string): unknown };
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** @throws ConfigError when a required text is empty. */
export function notEmpty(option: string, text: string): string {
  if (text !== "") return text;
  throw new ConfigError(`--${option} is empty.`, { fix: `Give a value to --${option}.`, details: { option } });
}

/**
 * Makes a folder and writes to it once, before hours of work that end in it.
 * @throws ConfigError when the folder is empty text, is something else, or nothing can be written there.
 */
export async function writableFolder(option: string, path: string): Promise<string> {
  notEmpty(option, path);
  try {
    await mkdir(path, { recursive: true });
    await rmdir(await mkdtemp(join(path, ".writable-")));
    return path;
  } catch (cause) {
    throw new ConfigError(`--${option} '${path}' cannot be written to: ${(cause as Error).message}.`, {
      fix: `Give another folder to --${option}.`,
      details: { option, path },
      cause,
    });
  }
}
