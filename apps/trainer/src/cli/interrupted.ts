import { FaeError } from "@fae/core";

/** The error of Ctrl-C: exit code 130. */
export const interrupted = (what: string): FaeError => new FaeError("ERR_INTERRUPTED", `${what} was interrupted.`);

/** Stops between two pieces of work when Ctrl-C was pressed. @throws FaeError ERR_INTERRUPTED */
export function stopIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) throw interrupted(what);
}

/** Waits for work that leaves nothing behind and cannot be stopped. @throws FaeError ERR_INTERRUPTED as soon as Ctrl-C is pressed */
export const unlessAborted = <T>(work: Promise<T>, signal: AbortSignal | undefined, what: string): Promise<T> =>
  Promise.race([
    work,
    new Promise<never>((_, reject) => {
      if (signal?.aborted) reject(interrupted(what));
      signal?.addEventListener("abort", () => reject(interrupted(what)), { once: true });
    }),
  ]);
