import { createHash } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { exists } from "../result-file.js";
import type { Bench } from "../scenario.js";

/** Raised when what is made from the same parameters changes. */
const cacheVersion = 1;

/** Where made data sets are kept unless `--cache` says otherwise. */
export const usualCache = (environment: Readonly<Record<string, string | undefined>>): string =>
  join(environment["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "fae-bench");

/** A name that says what it is and a key that differs when any parameter does. */
export function cacheName(name: string, parameters: object): string {
  const key = createHash("sha256")
    .update(JSON.stringify([cacheVersion, parameters]))
    .digest("hex")
    .slice(0, 12);
  return `${name}-${key}`;
}

/**
 * The directory of something that is made once and kept. `make` writes into the path that it is given; the directory appears
 * under its name when `make` is done.
 */
export async function cached(
  bench: Pick<Bench, "cacheDirectory" | "log">,
  name: string,
  parameters: object,
  make: (directory: string) => Promise<unknown>,
): Promise<string> {
  const directory = join(bench.cacheDirectory, cacheName(name, parameters));
  if (await exists(directory)) return directory;
  await mkdir(bench.cacheDirectory, { recursive: true });
  bench.log(`making ${name}`);
  const beside = `${directory}.${process.pid}.making`;
  await rm(beside, { recursive: true, force: true });
  try {
    await make(beside);
    await rename(beside, directory);
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    throw error;
  }
  return directory;
}
