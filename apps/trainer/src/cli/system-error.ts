import { DataError, FaeError } from "@fae/core";

const meanings: Readonly<Record<string, readonly [what: string, fix: string]>> = {
  EACCES: ["may not be used", "Check its permissions."],
  EPERM: ["may not be used", "Check its permissions."],
  EROFS: ["is on a read-only disk", "Choose another place."],
  ENOENT: ["does not exist", "Check the path."],
  ENOTDIR: ["is used as a directory and is none", "Check the path."],
  EISDIR: ["is a directory", "Name a file."],
  EIO: ["cannot be read or written: the disk reports an error", "Check the disk, or choose another one."],
  EMFILE: ["cannot be opened: too many files are open", "Raise the limit ('ulimit -n')."],
};

/** An error of the operating system as one that tells people what to do; anything else as it is. */
export function explained(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof FaeError) return error;
  const { code, path = "a file" } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new FaeError("ERR_DISK_FULL", `The disk is full: writing '${path}' failed.`, {
      fix: "Free space or write to another disk.",
      details: { path },
      cause: error,
    });
  }
  const meaning = code === undefined ? undefined : meanings[code];
  if (meaning === undefined) return error;
  return new DataError(`'${path}' ${meaning[0]}.`, { fix: meaning[1], details: { path, code }, cause: error });
}
