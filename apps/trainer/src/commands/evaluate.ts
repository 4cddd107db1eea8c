import { defineCommand, option } from "../cli/command.js";
import { formatSeconds } from "../cli/format.js";
import { unlessAborted } from "../cli/interrupted.js";
import { choice, count, text } from "../cli/values.js";
import { evaluateModel } from "../train/evaluate-model.js";
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
    threads: option("--threads <n>", "host threads; 0 lets the engine choose", count(0, 1024).default(0)),
  },
  example: "fae evaluate runs/first kaggle --split test",
  notes: "<model> is a directory that 'fae train --run' wrote, or a checkpoint inside it.",
  async run([model, data], options, { io }) {
    const { report } = await unlessAborted(evaluateModel({ model, data, ...options }), io.signal, "The evaluation");
    const head = `${report.checkpoint}, step ${report.step}, engine ${report.engine}, ${formatSeconds(report.seconds)}`;
    const splits = { [options.split]: report.metrics };
    return { json: report, text: [head, metricsTable(splits), ...aucHints(splits)].join("\n\n") };
  },
});
