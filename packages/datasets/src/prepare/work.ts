import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { hostname, uptime } from "node:os";
import { dirname, join } from "node:path";
import { ConfigError, expectNoLinks, lockPath, type PathLock, syncPath } from "@fae/core";
import { diskFull } from "./disk.js";
import { syncTree } from "./files.js";
import { readRecord, writeRecord } from "./records.js";

/**
 * The directory in which a data set grows: `<directory>.partial`, with intermediate files and records in `work/`.
 *
 * Nothing in it is forced to the disk before the data set is complete: intermediate files live and die in memory where it
 * suffices. A killed process leaves all it wrote; a machine that went down may not have, and `openWork` starts anew after a
 * restart of the machine.
 */
export interface WorkDirectory {
  /** Becomes the data set. */
  readonly root: string;
  readonly work: string;
  /** Lets another process go on with it. */
  release(): void;
}

/**
 * Opens or creates the work directory of a data set and locks it for this process; when it throws, nothing is locked.
 *
 * @param plan what the bytes of the data set depend on; an interrupted work directory goes on only under the same plan.
 * @throws ConfigError when the data set exists, another process or machine works on it, or the plan is another one;
 * FaeError `ERR_DISK_FULL`.
 */
export async function openWork(directory: string, plan: object): Promise<WorkDirectory> {
  const lock = await lockFresh(directory);
  const root = `${directory}.partial`;
  const work = join(root, "work");
  try {
    reclaim(root, work);
    expectNoLinks(root);
    mkdirSync(work, { recursive: true });
    writeRecord(work, "boot", thisBoot());
    expectPlan(root, work, plan);
  } catch (error) {
    lock.release();
    throw diskFull(error, root) ?? error;
  }
  return { root, work, release: lock.release };
}

/** Takes the name of a directory that is to be made. @throws ConfigError when it exists or another process makes it, FaeError `ERR_DISK_FULL` */
export async function lockFresh(directory: string): Promise<PathLock> {
  expectFresh(directory);
  const lock = await lockPath(directory).catch((error: unknown) => {
    throw diskFull(error, directory) ?? error;
  });
  try {
    expectFresh(directory); // another process may have made it meanwhile
    return lock;
  } catch (error) {
    lock.release();
    throw error;
  }
}

function expectFresh(directory: string): void {
  if (!existsSync(directory) || readdirSync(directory).length === 0) return;
  throw new ConfigError(`'${directory}' exists already.`, {
    fix: "Choose another directory, or delete it.",
    details: { path: directory },
  });
}

/** Writes the plan of a new work directory. @throws ConfigError when an interrupted one has another plan */
function expectPlan(root: string, work: string, plan: object): void {
  const wanted = JSON.parse(JSON.stringify(plan)) as Record<string, unknown>;
  const found = readRecord<Record<string, unknown>>(work, "plan");
  if (!found) {
    writeRecord(work, "plan", wanted);
    return;
  }
  const keys = [...new Set([...Object.keys(wanted), ...Object.keys(found)])];
  const differing = keys.filter((key) => JSON.stringify(wanted[key]) !== JSON.stringify(found[key]));
  if (differing.length === 0) return;
  throw new ConfigError(`'${root}' holds an interrupted prepare that differs in ${differing.join(", ")}.`, {
    fix: "Delete it to start anew, or repeat the first call to finish it.",
    details: { path: root, found, expected: wanted },
  });
}

/** Turns the finished work directory into the data set. Its manifest is there. */
export function publish({ root, work }: Pick<WorkDirectory, "root" | "work">, directory: string): void {
  // What proves that the manifest belongs to the plan goes last, after the rename.
  for (const name of readdirSync(work)) if (!keptToTheEnd.includes(name)) rmSync(join(work, name), { recursive: true });
  syncTree(root);
  renameSync(root, directory);
  rmSync(join(directory, "work"), { recursive: true });
  syncPath(directory);
  syncPath(dirname(directory));
}

const keptToTheEnd = ["boot.json", "plan.json"];

/** Removes everything that was begun. */
export function discard(root: string): void {
  rmSync(root, { recursive: true, force: true });
}

/**
 * Looks at what lies in the way: work of this start of the machine goes on, that of an earlier one is removed.
 * @throws ConfigError for anything else: it may be another machine's, or no work directory at all.
 */
function reclaim(root: string, work: string): void {
  if (!existsSync(root)) return;
  const found = readRecord<Boot>(work, "boot");
  const { boot, host } = thisBoot();
  if (found?.boot === boot) return;
  if (found?.host === host) {
    discard(root);
    return;
  }
  if (!found && isUnbegun(root, work)) return;
  throw new ConfigError(
    found ? `'${root}' was begun on '${found.host}'.` : `'${root}' exists and is no work directory.`,
    {
      fix: "Finish it there, delete it, or choose another directory.",
      details: { path: root, found: found?.host ?? null },
    },
  );
}

/** Whether a process was killed before it had written anything. */
function isUnbegun(root: string, work: string): boolean {
  if (!readdirSync(root).every((name) => name === "work")) return false;
  return !existsSync(work) || readdirSync(work).every((name) => name === "boot.json.tmp");
}

interface Boot {
  /** Differs after every start of the machine. */
  readonly boot: string;
  readonly host: string;
}

function thisBoot(): Boot {
  const host = hostname();
  try {
    return { boot: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(), host };
  } catch {
    return { boot: `${Math.round((Date.now() / 1000 - uptime()) / 60)} min`, host };
  }
}
