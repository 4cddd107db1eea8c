import { open, rename, rm } from "node:fs/promises";
import { FaeError, makeDirectory, withPath, writeFullyTo } from "@fae/core";

/** A file that is being written from start to end. */
export interface DiskFile {
  write(bytes: Uint8Array): Promise<void>;
  /** Returns when the bytes are on the disk, not only in the page cache. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What writing needs from a file system. Replaceable, so that a test can let the n-th operation fail. */
export interface Disk {
  /** Creates a file; it must not exist. */
  create(path: string): Promise<DiskFile>;
  /** With those above it. */
  makeDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a whole directory; no error when it is not there. */
  remove(path: string): Promise<void>;
  /** Makes creations and renames inside a directory durable. */
  syncDirectory(path: string): Promise<void>;
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;

/** Says which file met a failure, and of a full disk what to do. */
async function naming<A>(path: string, operation: () => Promise<A>): Promise<A> {
  try {
    return await operation();
  } catch (error) {
    if (!isCode(error, "ENOSPC") && !isCode(error, "EDQUOT")) throw withPath(error, path);
    throw new FaeError("ERR_DISK_FULL", `The disk is full: writing '${path}' failed.`, {
      fix: "Free space or write to another disk; nothing that was there before is lost.",
      details: { path },
      cause: error,
    });
  }
}

/** The real file system. */
export const disk: Disk = {
  async create(path) {
    const file = await naming(path, () => open(path, "wx"));
    return {
      write: (bytes) => naming(path, () => writeFullyTo(file, bytes, path)),
      sync: () => naming(path, () => file.sync()),
      close: () => file.close(),
    };
  },
  async makeDirectory(path) {
    await naming(path, async () => makeDirectory(path));
  },
  rename: (from, to) => naming(to, () => rename(from, to)),
  remove: (path) => rm(path, { recursive: true, force: true }),
  async syncDirectory(path) {
    // Windows cannot open a directory; there a rename is durable with the file's own sync.
    if (process.platform === "win32") return;
    const directory = await open(path, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
};

/** Writes a file from start to end through `fill`, syncs and closes it. */
export async function createFile(
  on: Disk,
  path: string,
  fill: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const file = await on.create(path);
  try {
    await fill((bytes) => file.write(bytes));
    await file.sync();
  } finally {
    await file.close();
  }
}
