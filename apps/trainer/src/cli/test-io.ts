import type { Io } from "./io.js";

/** An `Io` that keeps what was written. */
export interface CapturedIo extends Io {
  out(): string;
  err(): string;
  readonly controller: AbortController;
}

/** @param isTTY whether stderr behaves as a terminal; the clock moves 1 ms at each reading */
export function captureIo({ isTTY = false, millisecondsPerReading = 1 } = {}): CapturedIo {
  const out: string[] = [];
  const err: string[] = [];
  const controller = new AbortController();
  let milliseconds = 0;
  return {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text), isTTY, columns: 100 },
    now: () => {
      milliseconds += millisecondsPerReading;
      return milliseconds;
    },
    signal: controller.signal,
    controller,
    out: () => out.join(""),
    err: () => err.join(""),
  };
}
