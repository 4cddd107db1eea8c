/** Exit codes of our commands: 1 after an error or a negative answer, 130 after Ctrl-C. */
export const exitCodes = { ok: 0, failed: 1, interrupted: 130 } as const;

/**
 * Runs a command line as this process, and sets its exit code. Ctrl-C and SIGTERM abort the signal, a second one ends the
 * process. A reader that closes the pipe of results early (`fae ... | head`) ends the process quietly; nobody needs to hear
 * what is told on stderr along the way.
 */
export async function runProcess(
  command: (args: readonly string[], signal: AbortSignal) => Promise<number>,
): Promise<void> {
  const controller = new AbortController();
  const stop = (): void => {
    // The second time does not wait: files that were never renamed into place are all it leaves.
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort();
  };
  process.on("SIGINT", () => {
    stop();
    process.stderr.write("\nStopping cleanly; press Ctrl-C again to stop at once.\n");
  });
  process.on("SIGTERM", stop);
  process.stderr.on("error", () => {});
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(exitCodes.ok);
    process.stderr.write(`error: The results cannot be written: ${error.message}.\n`);
    process.exit(exitCodes.failed);
  });
  process.exitCode = await command(process.argv.slice(2), controller.signal);
  if (!controller.signal.aborted) return;
  // Work that cannot be stopped may go on behind a command that has given up waiting for it. What it said goes out first.
  for (const stream of [process.stdout, process.stderr])
    await new Promise<void>((done) => stream.write("", () => done()));
  process.exit();
}
