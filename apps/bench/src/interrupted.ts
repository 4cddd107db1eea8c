import { FaeError } from "@fae/core";

/** Stops between two pieces of work when Ctrl-C was pressed. @throws FaeError ERR_INTERRUPTED */
export function stopIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new FaeError("ERR_INTERRUPTED", "The measurement was interrupted.");
}
