import { createHash } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
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
 * under its name when `make` is done. When another process was faster, its directory is the one.
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
  await removeAbandoned(bench.cacheDirectory);
  const beside = `${directory}.${process.pid}.making`;
  try {
    await make(beside);
    await rename(beside, directory);
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    if ((code === "ENOTEMPTY" || code === "EEXIST") && (await exists(directory))) return directory;
    throw error;
  }
  return directory;
}

/** Removes what processes that are gone, or this one earlier, have left half-made. */
async function removeAbandoned(cacheDirectory: string): Promise<void> {
  for (const name of await readdir(cacheDirectory)) {
    const pid = Number(/\.(\d+)\.making/.exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(pid) || (pid !== process.pid && isRunning(pid))) continue;
    await rm(join(cacheDirectory, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0); // sends nothing, only asks
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
