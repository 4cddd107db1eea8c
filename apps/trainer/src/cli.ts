import { checkArguments, FaeError, is } from "@fae/core";
import { Command, CommanderError } from "commander";
import type { CommandEntry, Invocation } from "./cli/command.js";
import type { Io } from "./cli/io.js";
import { exitCodes } from "./cli/run-process.js";
import { explained } from "./cli/system-error.js";
import { usageError } from "./cli/usage-error.js";
import { visible } from "./cli/visible.js";
import { commands } from "./commands/index.js";
import { faeVersion } from "./version.js";

/**
 * Runs the `fae` command.
 * @param args without node and script, e.g. `["train", "data", "--batch", "1024"]`
 * @returns the exit code: 0, 1 after an error or a negative answer, 130 after Ctrl-C
 */
export async function main(
  args: readonly string[],
  io: Io,
  entries: readonly CommandEntry[] = commands,
): Promise<number> {
  const stream = is.having("a stream", { write: is.call });
  checkArguments("main", {
    args: [args, is.list(is.any)],
    io: [
      io,
      is.having("streams, a clock and a signal", { stdout: stream, stderr: stream, now: is.call, signal: is.signal }),
    ],
  });
  let exitCode: number = exitCodes.ok;
  // Parsing may fail before the options are known: what was typed decides how the error is shown.
  const typed = { json: args.includes("--json"), debug: args.includes("--debug") };
  const execute = async (invocation: Invocation): Promise<void> => {
    const outcome = await invocation.run(io);
    io.stdout.write(
      invocation.json ? `${JSON.stringify(outcome.json)}\n` : outcome.text && `${visible(outcome.text)}\n`,
    );
    exitCode = outcome.exitCode ?? exitCodes.ok;
  };
  try {
    await program(io, entries, execute).parseAsync([...args], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    return report(error instanceof CommanderError ? usageError(error, "fae") : explained(error), io, typed);
  }
  return exitCode;
}

function program(io: Io, entries: readonly CommandEntry[], execute: (run: Invocation) => Promise<void>): Command {
  const root = new Command("fae")
    .description("Train recommenders whose embedding tables do not fit in GPU memory.")
    .version(faeVersion)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: () => {}, // `report` prints it, once and in the form that was asked for
    });
  for (const entry of entries) entry.register(root, execute);
  return root;
}

function report(error: unknown, io: Io, shown: { json: boolean; debug: boolean }): number {
  const known = error instanceof FaeError;
  const message = error instanceof Error ? error.message : String(error);
  if (shown.json) {
    const body = known ? { code: error.code, message, details: error.details } : { code: "ERR_UNKNOWN", message };
    io.stdout.write(`${JSON.stringify({ error: body })}\n`);
  }
  io.stderr.write(`error: ${visible(message)}\n`);
  const stack = error instanceof Error ? error.stack : undefined;
  // An error that is not ours is a defect: its stack is what a bug report needs.
  if (stack !== undefined && (shown.debug || !known)) io.stderr.write(`${visible(stack)}\n`);
  return known && error.code === "ERR_INTERRUPTED" ? exitCodes.interrupted : exitCodes.failed;
}
