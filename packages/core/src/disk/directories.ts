import { accessSync, closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync, rmdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { naming } from "./write-fully.js";

/** Makes what was written to a file, or the names in a directory, survive a power cut. */
export function syncPath(path: string): void {
  const file = openSync(path, "r");
  try {
    naming(path, () => fsyncSync(file));
  } catch (error) {
    // Windows cannot sync a directory; there a name is durable with its file.
    if (process.platform !== "win32") throw error;
  } finally {
    closeSync(file);
  }
}

/**
 * Makes a directory and those above it, each durably.
 * @returns the topmost that was made, undefined when all were there
 * @throws errors of the system; EROFS of a read-only disk, which `mkdir` itself reports as ENOENT
 */
export function makeDirectory(path: string): string | undefined {
  const wanted = resolve(path);
  let made: string | undefined;
  try {
    made = mkdirSync(wanted, { recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") accessSync(existing(wanted), constants.W_OK);
    throw error;
  }
  if (made !== undefined) {
    for (let at = wanted; at.length >= made.length; at = dirname(at)) syncPath(dirname(at));
  }
  return made;
}

/** The nearest directory above, or the path itself, that exists. */
export const existing = (path: string): string => (existsSync(path) ? path : existing(dirname(path)));

/** Removes the directories from `path` up to `top` that are empty. */
export function removeEmpty(path: string, top: string): void {
  try {
    for (let at = path; at.startsWith(top); at = dirname(at)) rmdirSync(at);
  } catch {
    // somebody else put something there meanwhile
  }
}
