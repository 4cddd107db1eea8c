import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ConfigError } from "@fae/core";
import { syncPath } from "./files.js";
import { readRecord, writeRecord } from "./records.js";

/** The directory in which a data set grows: `<directory>.partial`, with intermediate files and records in `work/`. */
export interface WorkDirectory {
  /** Becomes the data set. */
  readonly root: string;
  readonly work: string;
}

/**
 * Opens or creates the work directory of a data set and locks it for this process.
 *
 * @param plan what the bytes of the data set depend on; an interrupted work directory goes on only under the same plan.
 * @throws ConfigError when the data set exists, another process works on it, or the plan is another one.
 */
export function openWork(directory: string, plan: object): WorkDirectory {
  if (existsSync(directory) && readdirSync(directory).length > 0) {
    throw new ConfigError(`'${directory}' exists already.`, {
      fix: "Choose another directory, or delete it.",
      details: { path: directory },
    });
  }
  const root = `${directory}.partial`;
  const work = join(root, "work");
  mkdirSync(work, { recursive: true });
  lock(root, work);
  const wanted = JSON.parse(JSON.stringify(plan)) as Record<string, unknown>;
  const found = readRecord<Record<string, unknown>>(work, "plan");
  if (!found) writeRecord(work, "plan", wanted);
  else {
    const keys = [...new Set([...Object.keys(wanted), ...Object.keys(found)])];
    const differing = keys.filter((key) => JSON.stringify(wanted[key]) !== JSON.stringify(found[key]));
    if (differing.length > 0) {
      unlock(work);
      throw new ConfigError(`'${root}' holds an interrupted prepare that differs in ${differing.join(", ")}.`, {
        fix: "Delete it to start anew, or repeat the first call to finish it.",
        details: { path: root, found, expected: wanted },
      });
    }
  }
  return { root, work };
}

/** Turns the finished work directory into the data set. Its manifest is there, all its files are durable. */
export function publish({ root, work }: WorkDirectory, directory: string): void {
  rmSync(work, { recursive: true, force: true });
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    if (entry.isDirectory()) syncPath(join(root, entry.name));
  }
  syncPath(root);
  renameSync(root, directory);
  syncPath(dirname(directory));
}

/** Lets another process go on with the work directory. */
export function unlock(work: string): void {
  rmSync(join(work, "lock"), { force: true });
}

/** Removes everything that was begun. */
export function discard(root: string): void {
  rmSync(root, { recursive: true, force: true });
}

function lock(root: string, work: string): void {
  const path = join(work, "lock");
  for (const isSecondTry of [false, true]) {
    try {
      const file = openSync(path, "wx");
      writeSync(file, `${process.pid} ${startedMs()}`);
      fsyncSync(file);
      closeSync(file);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const [pid, started] = readFileSync(path, "utf8").split(" ").map(Number);
    if (isSecondTry || (pid > 0 && isAlive(pid, started))) {
      throw new ConfigError(`Process ${pid} works on '${root}'.`, {
        fix: `Wait for it, or delete '${path}' when it is gone.`,
        details: { path, found: pid },
      });
    }
    rmSync(path, { force: true });
  }
}

/** A process that began at another time has only inherited the number: in containers every process may be number 1. */
function isAlive(pid: number, started: number | undefined): boolean {
  if (pid === process.pid) return started === startedMs();
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

const startedMs = (): number => Math.round(performance.timeOrigin);
