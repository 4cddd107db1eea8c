import { visible } from "@fae/trainer";
import type { Command } from "commander";
import { compare } from "../compare.js";
import { cell } from "../report/numbers.js";
import type { Table } from "../result.js";
import { readResult } from "../result-file.js";
import type { BenchIo } from "./options.js";

/** Adds `compare` to the program. */
export function registerCompare(program: Command, io: BenchIo): void {
  program
    .command("compare")
    .description("Put two results of one scenario side by side, as ratios of B to A.")
    .argument("<a>", "result file")
    .argument("<b>", "result file")
    .option("--across-machines", "compare although the machines differ")
    .addHelpText("after", "\nExample:\n  fae-bench compare before/speed-up.json after/speed-up.json")
    .action(async (a: string, b: string, { acrossMachines = false }: { acrossMachines?: boolean }) => {
      const tables = compare(await readResult(a), await readResult(b), acrossMachines);
      io.stdout.write(`${visible(tables.map(text).join("\n\n"))}\n`);
    });
}

/** A table for a terminal: first column left, the others right. */
function text({ title, columns, rows }: Table): string {
  const lines = [columns, ...rows.map((row) => row.map(cell))];
  const widths = columns.map((_, c) => Math.max(...lines.map((line) => (line[c] ?? "").length)));
  const aligned = lines.map((line) =>
    widths.map((width, c) => (c === 0 ? (line[c] ?? "").padEnd(width) : (line[c] ?? "").padStart(width))).join("  "),
  );
  return [title, ...aligned.map((line) => line.trimEnd())].join("\n");
}
