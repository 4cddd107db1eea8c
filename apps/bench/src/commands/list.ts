import type { Command } from "commander";
import { scenarios } from "../scenarios/index.js";
import type { BenchIo } from "./options.js";

/** Adds `list` to the program. */
export function registerList(program: Command, io: BenchIo): void {
  program
    .command("list")
    .description("List the scenarios.")
    .addHelpText("after", "\nExample:\n  fae-bench list")
    .action(() => {
      const widest = Math.max(...scenarios.map(({ name }) => name.length));
      const lines = scenarios.map(({ name, describes }) => `${name.padEnd(widest)}  ${describes}`);
      io.stdout.write(`${lines.join("\n")}\n`);
    });
}
