import { defineCommand, option } from "../cli/command.js";
import { formatCount, formatMetric, formatSeconds } from "../cli/format.js";
import { unlessAborted } from "../cli/interrupted.js";
import { present } from "../cli/present.js";
import { choice, count, text } from "../cli/values.js";
import { type EvaluateReport, evaluateModel } from "../train/evaluate-model.js";
import { aucHints } from "../train/quality-hints.js";
import { metricsTable } from "../train/summary.js";

export const evaluateCommand = defineCommand({
  name: "evaluate",
  summary: "Scores a trained model on one split of a data set.",
  operands: ["<model>", "<data>"],
  options: {
    split: option(
      "--split <name>",
      "train, val or test",
      choice(["train", "val", "test", "hot", "cold"]).default("test"),
    ),
    engine: option("--engine <name>", "auto, or a name that 'fae doctor' lists", text().default("auto")),
    batch: option("--batch <inputs>", "inputs scored at a time; never changes a score", count(1).default(4096)),
    group: option(
      "--group <table>",
      "also the AUC within the inputs of each id of that table, as of users",
      text().optional(),
    ),
    threads: option("--threads <n>", "host threads; 0 lets the engine choose", count(0, 1024).default(0)),
  },
  example: "fae evaluate runs/first taobao --split test --group user",
  notes:
    "<model> is a directory that 'fae train --run' wrote, or a checkpoint inside it. With --group the AUC of each id is averaged\n" +
    "with the weights of its inputs, and without; ids whose inputs all have one label have none and are left out.",
  async run([model, data], { group, ...options }, { io }) {
    const evaluating = evaluateModel({ model, data, ...options, ...present({ group }) });
    const { report } = await unlessAborted(evaluating, io.signal, "The evaluation");
    const head = `${report.checkpoint}, step ${report.step}, engine ${report.engine}, ${formatSeconds(report.seconds)}`;
    const splits = { [options.split]: report.metrics };
    const grouped = report.grouped ? [groupedText(report.grouped)] : [];
    return { json: report, text: [head, metricsTable(splits), ...grouped, ...aucHints(splits)].join("\n\n") };
  },
});

function groupedText({ table, byInputs, byGroups, groups, leftOut }: NonNullable<EvaluateReport["grouped"]>): string {
  return (
    `AUC by ${table}: ${formatMetric(byInputs)} weighted by inputs, ${formatMetric(byGroups)} unweighted; ` +
    `${formatCount(groups)} with both labels, ${formatCount(leftOut.groups)} with one left out (${formatCount(leftOut.inputs)} inputs)`
  );
}
