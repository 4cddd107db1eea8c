import { FaeError } from "@fae/core";

/** The error of Ctrl-C: exit code 130. */
export const interrupted = (what: string): FaeError => new FaeError("ERR_INTERRUPTED", `${what} was interrupted.`);

/** Stops between two pieces of work when Ctrl-C was pressed. @throws FaeError ERR_INTERRUPTED */
export function stopIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) throw interrupted(what);
}
