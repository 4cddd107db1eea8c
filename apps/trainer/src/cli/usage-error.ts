import { ConfigError } from "@fae/core";
import type { CommanderError } from "commander";

/** What the parser refused, as an error of ours. @param command as it is typed, e.g. `fae` */
export const usageError = (error: CommanderError, command: string): ConfigError =>
  error.code === "commander.help"
    ? new ConfigError("A command is missing.", { fix: `'${command} --help' lists the commands.` })
    : new ConfigError(asSentence(error.message.replace(/^error: /, "")), {
        fix: `'${command} <command> --help' shows how.`,
      });

/** The parser puts a suggestion in parentheses on a second line. */
function asSentence(message: string): string {
  const [first, ...rest] = message.split("\n").map((line) => line.replace(/^\((.*)\)$/, "$1"));
  const start = `${first[0].toUpperCase()}${first.slice(1)}`;
  return [/[.?]$/.test(start) ? start : `${start}.`, ...rest].join(" ");
}
