import { checkArguments, FaeError, is } from "@fae/core";
import { exitCodes, usageError, visible } from "@fae/trainer";
import { Command, CommanderError } from "commander";
import { registerCompare } from "./commands/compare.js";
import { registerList } from "./commands/list.js";
import type { BenchIo } from "./commands/options.js";
import { registerReport } from "./commands/report.js";
import { registerRun } from "./commands/run.js";
import { benchVersion } from "./version.js";

/**
 * Runs the `fae-bench` command.
 * @param args without node and script
 * @returns the exit code: 0, 1 after an error or a failed check, 130 after Ctrl-C
 */
export async function main(args: readonly string[], io: BenchIo): Promise<number> {
  const stream = is.having("a stream", { write: is.call });
  checkArguments("main", {
    args: [args, is.list(is.any)],
    io: [io, is.having("streams and a signal", { stdout: stream, stderr: stream, signal: is.signal })],
  });
  let exitCode: number = exitCodes.ok;
  const program = new Command("fae-bench")
    .description("The paper's tables and figures, measured on this machine.")
    .version(benchVersion)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: () => {}, // printed once, below
    });
  registerRun(program, io, args, (code) => {
    exitCode = code;
  });
  registerList(program, io);
  registerCompare(program, io);
  registerReport(program, io);
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    return tell(error instanceof CommanderError ? usageError(error, "fae-bench") : error, io);
  }
}

function tell(error: unknown, io: BenchIo): number {
  const known = error instanceof FaeError;
  io.stderr.write(`error: ${visible(error instanceof Error ? error.message : String(error))}\n`);
  // An error that is not ours is a defect: its stack is what a bug report needs.
  if (!known && error instanceof Error && error.stack !== undefined) io.stderr.write(`${error.stack}\n`);
  return known && error.code === "ERR_INTERRUPTED" ? exitCodes.interrupted : exitCodes.failed;
}
