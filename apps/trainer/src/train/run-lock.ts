import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
} from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ConfigError } from "@fae/core";
import { isOtherAlive, processTag } from "@fae/embedding-store";
import { removeEmpty } from "./run-directory.js";

/** A run that this process alone writes to, until it is released. */
export interface RunLock {
  release(): void;
}

/**
 * Takes a run for this process. Everyone who wants it first makes a file `.<run>.lock-<machine>-<process>` beside it and then
 * looks for those of others: of any two the later one sees the earlier one and steps back. Names are never used twice, so
 * removing what a dead process left cannot hit a living one. Two that come at the very same time both step back, wait a
 * little and try again.
 *
 * @throws ConfigError naming the process that has the run
 */
export const lockRun = (run: string): Promise<RunLock> =>
  lock(run, { name: `Run ${run}`, other: "name another directory" });

/**
 * Does work that makes a file or directory, as the only process that makes one of that name: another one is refused before it
 * works, not when it is done.
 * @throws ConfigError naming the process that makes it
 */
export async function withOutput<A>(path: string, work: () => Promise<A>): Promise<A> {
  const taken = await lock(path, { name: `'${path}'`, other: "choose another name" });
  try {
    return await work();
  } finally {
    taken.release();
  }
}

/** Words for what is locked, and for what else to do than to wait for it. */
interface Locked {
  readonly name: string;
  readonly other: string;
}

async function lock(run: string, words: Locked): Promise<RunLock> {
  const final = realPath(resolve(run));
  const parent = dirname(final);
  let made: string | undefined;
  const prefix = `.${basename(final)}.lock-`;
  const own = join(parent, `${prefix}${machine}-${processTag()}`);
  const release = () => {
    rmSync(own, { force: true });
    if (made !== undefined) removeEmpty(parent, made);
  };
  for (let tries = 3; ; tries--) {
    made = mkdirSync(parent, { recursive: true }) ?? made;
    create(own, run, words);
    const holder = readdirSync(parent)
      .filter((name) => name.startsWith(prefix) && join(parent, name) !== own)
      .map((name) => ({ path: join(parent, name), owner: ownerOf(name.slice(prefix.length)) }))
      .find(({ path, owner }) => owner !== null && !removedIfGone(path, owner));
    if (!holder?.owner) return { release };
    release();
    if (tries === 1) throw inUse(run, holder.path, holder.owner, words);
    await pause(10 + 40 * Math.random());
  }
}

function create(path: string, run: string, { name, other }: Locked): void {
  try {
    closeSync(openSync(path, "wx"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new ConfigError(`${name} is in use by this process.`, {
      fix: `Wait for its end, or ${other}.`,
      details: { path: run, pid: process.pid },
    });
  }
}

/** A run is one run, by whatever links it is named. */
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

function inUse(run: string, path: string, { host, boot, namespace, tag }: Owner, { name, other }: Locked): ConfigError {
  const pid = Number.parseInt(tag, 10);
  const isSeen = boot === here.boot && namespace === here.namespace;
  const where = isSeen ? "" : host === here.host ? " of another container" : ` on ${host}`;
  return new ConfigError(`${name} is in use by process ${pid}${where}.`, {
    fix: isSeen
      ? `Wait for it or stop it (kill ${pid}), or ${other}.`
      : `Wait for it or stop it there, or ${other}; delete '${path}' when the process is gone.`,
    details: { path: run, pid, host, lock: path },
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
