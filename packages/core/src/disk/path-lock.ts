import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
} from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { checkArguments } from "../check-call.js";
import { ConfigError } from "../errors.js";
import { is } from "../kinds.js";
import { makeDirectory, removeEmpty } from "./directories.js";
import { isOtherAlive, processTag } from "./process-tag.js";
import { writeFully } from "./write-fully.js";

/** A path that this process alone writes to, until it is released. */
export interface PathLock {
  release(): void;
}

/**
 * Takes a path for this process; nothing need be there. Everyone who wants it first makes a file
 * `.<name>.lock-<machine>-<process>` beside it and then looks for those of others: of any two the later one sees the earlier one
 * and steps back. Names are never used twice, so removing what a dead process left cannot hit a living one. Of those that come at
 * the very same time the one whose file has the first name stays, and waits until the others have seen it and stepped back.
 *
 * @param named what the path is, for messages; default: the path
 * @throws ConfigError naming the process that has it
 */
export async function lockPath(path: string, named?: string): Promise<PathLock> {
  checkArguments("lockPath", { path: [path, is.text], named: [named, is.maybe(is.text)] });
  const what = named ?? `'${path}'`;
  const final = realPath(resolve(path));
  const parent = dirname(final);
  const prefix = `.${basename(final)}.lock-`;
  const own = join(parent, `${prefix}${machine}-${processTag()}`);
  const release = () => {
    rmSync(own, { force: true });
    if (made !== undefined) removeEmpty(parent, made);
  };
  const { made, file } = create(own, what, path);
  try {
    for (const end = Date.now() + patienceMs; ; ) {
      const others = readdirSync(parent)
        .filter((name) => name.startsWith(prefix) && join(parent, name) !== own)
        .map((name) => ({ path: join(parent, name), owner: ownerOf(name.slice(prefix.length)) }))
        .filter(({ path, owner }) => owner !== null && !removedIfGone(path, owner));
      if (others.length === 0) break;
      const stronger = others.find((other) => other.path < own || isHeld(other.path) || Date.now() > end);
      if (stronger?.owner) throw inUse(what, path, stronger.path, stronger.owner);
      await new Promise((resume) => setTimeout(resume, 5 + 10 * Math.random()));
    }
    writeFully(file, Buffer.from(heldMark), own);
    return { release };
  } catch (error) {
    release();
    throw error;
  } finally {
    closeSync(file);
  }
}

/** Others need so long at most to look around, unless they were stopped. */
const patienceMs = 5000;

/** What the file of one that has looked around and stays holds; it is empty before. */
const heldMark = "held\n";

const isHeld = (path: string): boolean => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;

/** Makes the lock's file, and the directories that it needs: the topmost of these. */
function create(own: string, what: string, path: string, tries = 10): { made: string | undefined; file: number } {
  const made = makeDirectory(dirname(own));
  try {
    return { made, file: openSync(own, "wx") };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another process has released its lock, and removed the directory that it had made.
    if (code === "ENOENT" && tries > 0) return create(own, what, path, tries - 1);
    if (code !== "EEXIST") throw error;
    throw new ConfigError(`${what} is in use by this process.`, {
      fix: "Wait for it to end, or name another path.",
      details: { path, pid: process.pid },
    });
  }
}

/** A path is one path, by whatever links it is named. */
const realPath = (path: string): string =>
  existsSync(path) || dirname(path) === path ? realpathSync(path) : join(realPath(dirname(path)), basename(path));

interface Owner {
  readonly host: string;
  /** Differs after every start of the machine; 0 where the system does not tell. */
  readonly boot: string;
  /** Where its process numbers are those of others: one per container. */
  readonly namespace: string;
  readonly tag: string;
}

const pattern = /^(.+)-([0-9a-f]+)-(\d+)-(\d+-\d+)$/;

function ownerOf(name: string): Owner | null {
  const [, host, boot, namespace, tag] = pattern.exec(name) ?? [];
  return host === undefined ? null : { host, boot, namespace, tag };
}

function removedIfGone(path: string, owner: Owner): boolean {
  if (!isGone(owner)) return false;
  rmSync(path, { force: true });
  return true;
}

/** Certainly gone: not when it may run where this process cannot see it. */
function isGone({ host, boot, namespace, tag }: Owner): boolean {
  if (boot === here.boot && namespace === here.namespace)
    return (boot !== "0" || host === here.host) && !isOtherAlive(tag);
  return boot !== here.boot && host === here.host;
}

function inUse(what: string, path: string, lock: string, { host, boot, namespace, tag }: Owner): ConfigError {
  const pid = Number.parseInt(tag, 10);
  const isSeen = boot === here.boot && namespace === here.namespace;
  const where = isSeen ? "" : host === here.host ? " of another container" : ` on ${host}`;
  return new ConfigError(`${what} is in use by process ${pid}${where}.`, {
    fix: isSeen
      ? `Wait for it or stop it (kill ${pid}), or name another path.`
      : `Wait for it or stop it there, or name another path; delete '${lock}' when the process is gone.`,
    details: { path, pid, host, lock },
  });
}

const ofSystem = (read: () => string, otherwise: string): string => {
  try {
    return read();
  } catch {
    return otherwise;
  }
};

const here = {
  host:
    hostname()
      .replace(/[^\w.-]/g, "_")
      .slice(0, 64) || "localhost",
  boot: ofSystem(
    () => createHash("sha256").update(readFileSync("/proc/sys/kernel/random/boot_id")).digest("hex").slice(0, 8),
    "0",
  ),
  namespace: ofSystem(() => /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0", "0"),
};
const machine = `${here.host}-${here.boot}-${here.namespace}`;
