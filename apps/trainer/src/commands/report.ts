import { defineCommand, option } from "../cli/command.js";
import { formatBytes } from "../cli/format.js";
import { unlessAborted } from "../cli/interrupted.js";
import { text } from "../cli/values.js";
import { writeRunReport } from "../report/write-report.js";

export const reportCommand = defineCommand({
  name: "report",
  summary: "Writes the figures of a training run as one HTML page: the same that 'fae train --ui' shows.",
  operands: ["<run>"],
  options: {
    out: option(
      "--out <file>",
      "where to write to (default: <run>.html); what was there is replaced",
      text().optional(),
    ),
  },
  example: "fae report runs/first --out first.html",
  notes:
    "The run may be finished, at work or killed. The page needs no network and holds no script; it fits phones and paper.\n" +
    "Damaged lines of metrics.jsonl are left out and counted.",
  async run([run], { out }, context) {
    const report = await unlessAborted(writeRunReport(run, out), context.io.signal, "The report");
    for (const note of report.notes) context.log(note);
    const { path, bytes, standing, steps } = report;
    return { json: report, text: `${path}: ${steps} steps, ${standing}, ${formatBytes(bytes)}` };
  },
});
