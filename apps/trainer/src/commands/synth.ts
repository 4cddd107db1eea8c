import { type SynthReport, synthesize } from "@fae/datasets";
import { defineCommand, option } from "../cli/command.js";
import { formatBytes, formatCount, formatMetric, formatSeconds, textTable } from "../cli/format.js";
import { present } from "../cli/present.js";
import { choice, count, flag, number, text } from "../cli/values.js";
import { rawFormatName, rawFormatNotes } from "./raw-formats.js";

export const synthCommand = defineCommand({
  name: "synth",
  summary: "Makes a click log with the sizes, skew and label rates of a real one.",
  operands: ["<format>"],
  options: {
    rows: option("--rows <n>", "inputs over all splits, e.g. 2M", count(1)),
    out: option("--out <dir>", "directory to make; must not exist", text()),
    format: option(
      "--format <kind>",
      "prepared: ready to train on; raw: the log's own text files",
      choice(["prepared", "raw"]).default("prepared"),
    ),
    seed: option("--seed <n>", "same options and seed, same bytes", count(0, 0xffffffff).default(0)),
    scale: option(
      "--scale <share>",
      "share of the rows of every large table, for small machines",
      number({ above: 0, atMost: 1 }).default(1),
    ),
    calibration: option(
      "--calibration <name>",
      "popularity as counted in the real log, or as in the paper's hot-set figures (Criteo)",
      choice(["counts", "paper"]).default("counts"),
    ),
    drift: option(
      "--drift <share>",
      "share of middling rows that change their popularity each day",
      number({ atLeast: 0, atMost: 0.05 }).default(0),
    ),
    days: option("--days <n>", "Criteo: days of the log", count(2, 1000).optional()),
    labelRate: option(
      "--label-rate <share>",
      "share of positive labels (default: the real log's)",
      number({ atLeast: 0.001, atMost: 0.999 }).optional(),
    ),
    gzip: option("--gzip", "raw: compress the files", flag()),
    workers: option(
      "--workers <n>",
      "threads; never changes the result (default: one a core)",
      count(1, 256).optional(),
    ),
  },
  example: "fae synth criteo-kaggle --rows 1M --scale 0.1 --out kaggle-like",
  notes: rawFormatNotes,
  async run([name], options, context) {
    const { out, ...shaping } = options;
    const progress = context.progress("synth", "inputs");
    try {
      const report = await synthesize({
        source: rawFormatName(name),
        directory: out,
        ...present(shaping),
        format: options.format,
        rows: options.rows,
        signal: context.io.signal,
        onProgress: ({ inputsDone, inputsTotal }) => progress.update(inputsDone, inputsTotal),
      });
      progress.end();
      return { json: report, text: synthText(report) };
    } finally {
      progress.end();
    }
  },
});

function synthText({
  source,
  inputs,
  bytes,
  tables,
  teacher,
  seconds,
  directory,
  inputsPerSecond,
}: SynthReport): string {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const lines = [
    `${source}: ${formatCount(inputs)} inputs over ${tables.length} tables with ${formatCount(rows)} rows, ${formatBytes(bytes)}`,
    `${formatSeconds(seconds)}, ${formatCount(Math.round(inputsPerSecond))} inputs/s, written to ${directory}`,
  ];
  if (teacher === null) return lines.join("\n");
  const scores = Object.entries(teacher).map(([split, { inputs: n, auc, logLoss }]) => [
    split,
    String(n),
    formatMetric(auc),
    formatMetric(logLoss),
  ]);
  return `${lines.join("\n")}\n\n${textTable([["best possible on", "inputs", "AUC", "log loss"], ...scores])}`;
}
