import { DataError, FaeError } from "@fae/core";

const meanings: Readonly<Record<string, readonly [what: string, fix: string]>> = {
  EACCES: ["may not be used", "Check its permissions."],
  EPERM: ["may not be used", "Check its permissions."],
  EROFS: ["is on a read-only disk", "Choose another place."],
  ENOENT: ["does not exist", "Check the path."],
  ENOTDIR: ["is used as a directory and is none", "Check the path."],
  EISDIR: ["is a directory", "Name a file."],
  EEXIST: ["already exists", "Name another path, or remove this one."],
  ENOTEMPTY: ["is a directory that is not empty", "Name another path, or empty this one."],
  EBUSY: ["is in use", "Try again when nothing uses it, or choose another place."],
  ELOOP: ["leads through too many symbolic links", "Check the links on the path."],
  EIO: ["cannot be read or written: the disk reports an error", "Check the disk, or choose another one."],
  EFBIG: [
    "became too large: a limit ('ulimit -f') or the file system allows no more",
    "Raise the limit, or choose another disk.",
  ],
  EMFILE: ["cannot be opened: too many files are open", "Raise the limit ('ulimit -n')."],
};

/** An error of the operating system as one that tells people what to do; anything else as it is. */
export function explained(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof FaeError) return error;
  const { code, path: from = "a file", dest } = error as NodeJS.ErrnoException & { readonly dest?: string };
  // Of a rename, what is in the way is where it leads to.
  const path = code === "EEXIST" || code === "ENOTEMPTY" ? (dest ?? from) : from;
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
