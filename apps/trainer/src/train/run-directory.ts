import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import {
  ConfigError,
  isOtherAlive,
  makeDirectory,
  processTag,
  removeEmpty,
  syncPath,
  tagPattern,
  withPath,
} from "@fae/core";

/** A directory that becomes visible under its name when everything in it is written, or never. */
export interface StagedDirectory {
  /** Where files go until `commit`. */
  readonly path: string;
  /** Flushes what was written and renames the directory to its final name. @param name another final name beside it */
  commit(name?: string): void;
  /** Removes everything. Harmless after `commit`. */
  discard(): void;
}

/**
 * @param path the final name; must not exist, its parent is made (and removed again by `discard`)
 * @throws ConfigError when it exists
 */
export function stageDirectory(path: string): StagedDirectory {
  const final = resolve(path);
  expectFree(final);
  const madeParent = makeDirectory(dirname(final));
  removeLeftovers(final);
  const staging = join(dirname(final), `${stagingPrefix(final)}${processTag()}`);
  mkdirSync(staging);
  let committed = false;
  return {
    path: staging,
    commit(name = final) {
      expectFree(name);
      syncPath(staging);
      renameSync(staging, name);
      syncPath(dirname(final));
      committed = true;
    },
    discard() {
      if (committed) return;
      rmSync(staging, { recursive: true, force: true });
      if (madeParent !== undefined) removeEmpty(dirname(final), madeParent);
    },
  };
}

const stagingPrefix = (final: string): string => `.${basename(final)}.partial-`;

/** Removes what killed processes left of the same directory. */
function removeLeftovers(final: string): void {
  const prefix = stagingPrefix(final);
  for (const name of readdirSync(dirname(final))) {
    const tag = name.startsWith(prefix) ? name.slice(prefix.length) : "";
    if (isTag.test(tag) && !isOtherAlive(tag)) rmSync(join(dirname(final), name), { recursive: true });
  }
}

const isTag = new RegExp(`^${tagPattern}$`);

/** @throws ConfigError when there is already something of that name, or its directory cannot be written to */
export function expectFree(path: string): void {
  const final = resolve(path);
  let parent = dirname(final);
  while (!existsSync(parent)) parent = dirname(parent);
  if (!statSync(parent).isDirectory()) {
    throw new ConfigError(`${path} cannot be made: ${parent} is no directory.`, {
      fix: "Name another directory.",
      details: { path, parent },
    });
  }
  // A link to nothing is something too: it cannot be renamed over.
  if (lstatSync(final, { throwIfNoEntry: false })) {
    throw new ConfigError(`${path} already exists.`, {
      fix: "Choose another name, or remove it.",
      details: { path },
    });
  }
  accessSync(parent, constants.W_OK);
}

/** Opens a file of a run to append to, or makes it. @throws Error ELOOP when it is a link */
export const openAppending = (path: string): number =>
  openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o666);

/** Writes a JSON file and flushes it; what has its name is replaced, not written through. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  rmSync(path, { force: true });
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`, { flush: true, flag: "wx" }).catch((error: unknown) => {
    throw withPath(error, path);
  });
}
