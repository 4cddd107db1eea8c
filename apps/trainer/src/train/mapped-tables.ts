import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { isOtherAlive, type Job, OutOfMemoryError, processTag, tagPattern } from "@fae/core";
import { expectRoom } from "./disk-room.js";
import { rowBytes } from "./job.js";

/** Files that hold the tables of a job while it runs. Disposing of it removes them. */
export interface MappedTables extends Disposable {
  readonly job: Job;
}

/**
 * A job whose tables with rows on the host are kept in files of a new directory inside `directory`: for tables larger than
 * memory. What killed processes left there is removed.
 * @throws FaeError ERR_DISK_FULL when the disk does not hold the tables
 */
export function mapTables(directory: string, job: Job): MappedTables {
  const { program, plan, optimizer } = job;
  const root = resolve(directory);
  const onHost = program.tables.filter(({ name }) => plan.placements[name].on !== "device");
  const bytes = onHost.reduce((sum, { rows }) => sum + rows * rowBytes(program, optimizer.name), 0);
  expectRoom(root, bytes, "Keeping the tables in files");
  mkdirSync(root, { recursive: true });
  for (const name of readdirSync(root)) {
    const [, tag] = leftover.exec(name) ?? [];
    if (tag !== undefined && !isOtherAlive(tag) && tag !== processTag()) rmSync(join(root, name), { recursive: true });
  }
  const own = join(root, `fae-tables-${processTag()}-${made++}`);
  mkdirSync(own);
  const starts = onHost.map(({ name }, t) => [name, { ...job.tables?.[name], mappedPath: join(own, `table-${t}`) }]);
  return {
    job: { ...job, tables: { ...job.tables, ...Object.fromEntries(starts) } },
    [Symbol.dispose]: () => rmSync(own, { recursive: true, force: true }),
  };
}

let made = 0;
const leftover = new RegExp(`^fae-tables-(${tagPattern})-\\d+$`);

/** A lack of memory with the option that does without it; any other error as it is. */
export const adviseMapping = (error: unknown): unknown =>
  error instanceof OutOfMemoryError && /mapped/.test(error.message)
    ? new OutOfMemoryError(error.message, {
        fix: "--mapped <dir> keeps them there, on engines cpu and cuda.",
        details: error.details,
        cause: error,
      })
    : error;
