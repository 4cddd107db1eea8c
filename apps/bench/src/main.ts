#!/usr/bin/env node
import { exitCodes, main } from "./cli.js";

const controller = new AbortController();
process.on("SIGINT", () => {
  // The second Ctrl-C does not wait: files that were never renamed into place are all it leaves.
  if (controller.signal.aborted) process.exit(exitCodes.interrupted);
  controller.abort();
  process.stderr.write("\nStopping cleanly; press Ctrl-C again to stop at once.\n");
});
process.on("SIGTERM", () => controller.abort());
// `fae-bench ... | head` closes the pipe early; that is not an error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exitCode = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  signal: controller.signal,
});
