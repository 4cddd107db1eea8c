/** Everything a command touches outside its arguments: tests pass their own. */
export interface Io {
  /** Results only. */
  readonly stdout: { write(text: string): unknown };
  /** Logs and progress. A terminal is redrawn in place. */
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
  /** Milliseconds, monotonic. */
  now(): number;
  /** Aborted by Ctrl-C: a command finishes its write or leaves nothing, then throws `interrupted()`. */
  readonly signal: AbortSignal;
}
