import { randomBytes } from "node:crypto";
import { accessSync, constants, lstatSync, readdirSync, rmSync, statSync } from "node:fs";
import { link as hardLink } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import { ConfigError, isOtherAlive, makeDirectory, processTag, tagPattern } from "@fae/core";
import { disk } from "@fae/embedding-store";
import { expectFree } from "../train/run-directory.js";

/** A name that a file gets when it is written whole, or never. */
export interface StagedPath {
  /** Where the file is written until `commit`; nothing is there yet. */
  readonly beside: string;
  /** Gives the file its name and makes that durable. @throws ConfigError when the name is taken and must not be */
  commit(): Promise<void>;
  /** Removes what is beside; to be called after `commit` too. A file of a process that was killed between the two is written anew. */
  discard(): Promise<void>;
}

/** A file that becomes visible under its name when it is written whole, or never. */
export interface StagedFile extends Pick<StagedPath, "commit" | "discard"> {
  write(bytes: Uint8Array): Promise<void>;
}

export interface StageOptions {
  /** What happens at `commit` to another file of that name; default `refuse`. */
  readonly taken?: "refuse" | "replace";
  /** Replaceable, so that a test can do without hard links, as some file systems must. */
  readonly link?: typeof hardLink;
}

/** Refuses a name that is taken or that no file can have. @throws ConfigError */
export function freshPath(path: string): void {
  expectFree(path);
  expectFileName(path);
}

/**
 * Makes the directory of a file and a name beside it that no other process uses; what killed ones left there is removed.
 * @throws ConfigError for a name that no file can have
 */
export function stagePath(path: string, { taken = "refuse", link = hardLink }: StageOptions = {}): StagedPath {
  expectFileName(path);
  const directory = dirname(resolve(path));
  makeDirectory(directory);
  accessSync(directory, constants.W_OK);
  removeLeftovers(directory, basename(path));
  if (taken === "refuse") expectFree(path);
  const beside = `${path}.${processTag()}.${randomBytes(4).toString("hex")}.partial`;
  return {
    beside,
    async commit() {
      if (taken === "replace") await disk.rename(beside, path);
      else await nameFresh(beside, path, link);
      await disk.syncDirectory(directory).catch(async (error) => {
        if (taken === "refuse") await disk.remove(path);
        throw error;
      });
    },
    discard: () => disk.remove(beside),
  };
}

/** As `stagePath`, for a file that is written piece by piece. */
export async function stageFile(path: string, options: StageOptions = {}): Promise<StagedFile> {
  const { beside, commit, discard } = stagePath(path, options);
  const file = await disk.create(beside);
  let isOpen = true;
  const close = async () => {
    if (isOpen) await file.close();
    isOpen = false;
  };
  return {
    write: (bytes) => file.write(bytes),
    async commit() {
      await file.sync();
      await close();
      await commit();
    },
    async discard() {
      await close();
      await discard();
    },
  };
}

/** Links, since a rename would replace what another process has named so meanwhile. */
async function nameFresh(beside: string, path: string, link: typeof hardLink): Promise<void> {
  try {
    await link(beside, path);
  } catch {
    expectFree(path);
    await disk.rename(beside, path); // the file system has no hard links, or refuses this too and says why
  }
}

function removeLeftovers(directory: string, name: string): void {
  for (const entry of readdirSync(directory)) {
    const [, tag] = (entry.startsWith(`${name}.`) && isLeftover.exec(entry.slice(name.length + 1))) || [];
    if (tag === undefined || tag === processTag() || isOtherAlive(tag)) continue;
    const [beside, path] = [join(directory, entry), join(directory, name)];
    // Another process may be at the same.
    if (isSameFile(beside, path)) rmSync(path, { force: true });
    rmSync(beside, { force: true });
  }
}

function isSameFile(a: string, b: string): boolean {
  const [first, second] = [a, b].map((path) => lstatSync(path, { throwIfNoEntry: false }));
  return first !== undefined && second !== undefined && first.ino === second.ino && first.dev === second.dev;
}

/** A writer that is given the name beside may put its own ending behind it. */
const isLeftover = new RegExp(`^(${tagPattern})\\.[0-9a-f]{8}\\.partial(?:\\.|$)`);

function expectFileName(path: string): void {
  const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory();
  if (!isDirectory && !path.endsWith("/") && !path.endsWith(sep)) return;
  throw new ConfigError(`${path} names a directory, a file is to be written.`, {
    fix: "Name a file, in that directory or beside it.",
    details: { path },
  });
}
