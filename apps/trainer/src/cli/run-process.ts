/** Exit codes of our commands: 1 after an error or a negative answer, 130 after Ctrl-C. */
export const exitCodes = { ok: 0, failed: 1, interrupted: 130 } as const;

/**
 * Runs a command line as this process, and sets its exit code. Ctrl-C and SIGTERM abort the signal; a reader that closes the
 * pipe early (`fae ... | head`) ends the process quietly.
 */
export async function runProcess(
  command: (args: readonly string[], signal: AbortSignal) => Promise<number>,
): Promise<void> {
  const controller = new AbortController();
  process.on("SIGINT", () => {
    // The second Ctrl-C does not wait: files that were never renamed into place are all it leaves.
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort();
    process.stderr.write("\nStopping cleanly; press Ctrl-C again to stop at once.\n");
  });
  process.on("SIGTERM", () => controller.abort());
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(exitCodes.ok);
    throw error;
  });
  process.exitCode = await command(process.argv.slice(2), controller.signal);
}
