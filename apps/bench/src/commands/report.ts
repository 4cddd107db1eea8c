import { join } from "node:path";
import { visible } from "@fae/trainer";
import type { Command } from "commander";
import { readingOrder } from "../report/reading-order.js";
import { type ReportFiles, writeReport } from "../report/write-report.js";
import { type ResultFolder, readResults } from "../result-file.js";
import type { BenchIo } from "./options.js";

interface ReportFlags {
  readonly html?: string;
  readonly markdown?: string;
  readonly figures?: string;
}

const examples = `
Examples:
  fae-bench report results                             results/report.html, report.md and figures/
  fae-bench report apps/bench/results --markdown docs/results.md --figures docs/figures`;

/** Adds `report` to the program. */
export function registerReport(program: Command, io: BenchIo): void {
  program
    .command("report")
    .description("Write the page and the Markdown of all results under some folders, figures included.")
    .argument("<dir...>", "folders that 'fae-bench run' wrote to; sub-folders are read too")
    .option("--html <file>", "the page (default, without --markdown: report.html in the first folder)")
    .option("--markdown <file>", "the Markdown (default, without --html: report.md in the first folder)")
    .option("--figures <dir>", "folder of the Markdown's figures (default: figures beside it)")
    .addHelpText("after", examples)
    .action(async (directories: string[], flags: ReportFlags) => {
      const folders: ResultFolder[] = [];
      for (const directory of directories) {
        const found = await readResults(directory);
        folders.push(...found.folders);
        for (const path of found.leftOut) io.stderr.write(`left out, not a bench result: ${visible(path)}\n`);
      }
      const written = await writeReport(readingOrder(folders), filesOf(directories[0], flags));
      io.stdout.write(`${written.join("\n")}\n`);
    });
}

function filesOf(directory: string, { html, markdown, figures }: ReportFlags): ReportFiles {
  const all = { html: join(directory, "report.html"), markdown: join(directory, "report.md") };
  const named = { ...(html === undefined ? {} : { html }), ...(markdown === undefined ? {} : { markdown }) };
  return {
    ...(html === undefined && markdown === undefined ? all : named),
    ...(figures === undefined ? {} : { figures }),
  };
}
