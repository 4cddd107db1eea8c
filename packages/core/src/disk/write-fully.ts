import { writeSync } from "node:fs";

/** One call of the system moves less than 2 GiB. */
const maxCallBytes = 1 << 30;

/**
 * Writes all bytes to an open file, at `position` or, when it is null, where the file stands. The system may take a part of what
 * it is given, as when a disk becomes full: its answer is looked at, and the rest is given again.
 * @param path of the file, for errors
 * @throws errors of the system, with the path
 */
export function writeFully(file: number, bytes: Uint8Array, path: string, position: number | null = null): void {
  naming(path, () => {
    for (let done = 0; done < bytes.length; ) {
      const length = Math.min(maxCallBytes, bytes.length - done);
      done += taken(writeSync(file, bytes, done, length, position === null ? null : position + done));
    }
  });
}

/** What `writeFullyTo` needs of a `FileHandle` of `node:fs/promises`. */
export interface WritableFile {
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number | null,
  ): Promise<{ readonly bytesWritten: number }>;
}

/** As `writeFully`, without waiting for the disk. */
export async function writeFullyTo(
  file: WritableFile,
  bytes: Uint8Array,
  path: string,
  position: number | null = null,
): Promise<void> {
  try {
    for (let done = 0; done < bytes.length; ) {
      const length = Math.min(maxCallBytes, bytes.length - done);
      const at = position === null ? null : position + done;
      done += taken((await file.write(bytes, done, length, at)).bytesWritten);
    }
  } catch (error) {
    throw withPath(error, path);
  }
}

/** Runs something on a file; an error of the system that names no path gets this one: those of open files never do. */
export function naming<A>(path: string, use: () => A): A {
  try {
    return use();
  } catch (error) {
    throw withPath(error, path);
  }
}

/** An error of the system with the path that it was met at, when it names none itself; any other as it is. */
export function withPath(error: unknown, path: string): unknown {
  const isNameless = error instanceof Error && "syscall" in error && !("path" in error);
  return isNameless ? Object.assign(error, { path }) : error;
}

/** @throws EIO when nothing was taken: asking again would never end */
function taken(bytes: number): number {
  if (bytes > 0) return bytes;
  throw Object.assign(new Error("EIO: the system wrote nothing, write"), { code: "EIO", syscall: "write" });
}
