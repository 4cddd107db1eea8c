import { defineCommand, option } from "../cli/command.js";
import { formatBytes, formatCount, formatSeconds, formatShare } from "../cli/format.js";
import { present } from "../cli/present.js";
import { count, flag, text } from "../cli/values.js";
import { type PackReport, packData } from "../pack/pack-data.js";

export const packCommand = defineCommand({
  name: "pack",
  summary: "Relabels ids by popularity and parts the training inputs into hot and cold ones.",
  operands: ["<data>"],
  options: {
    profile: option("--profile <dir>", "what 'fae profile' wrote (default: <data>-profile)", text().optional()),
    out: option("--out <dir>", "directory to make; must not exist", text()),
    withoutClasses: option(
      "--without-classes",
      "do not write hot and cold inputs apart as well: little more than half the disk, and enough for every strategy but fae",
      flag(),
    ),
    workers: option(
      "--workers <n>",
      "threads (default: one a core); never changes the result",
      count(1, 256).optional(),
    ),
  },
  example: "fae pack kaggle --profile kaggle-profile --out kaggle-packed",
  notes: "An interrupted pack goes on where it was when the same command is given again.",
  async run([data], { profile = `${data.replace(/\/+$/, "")}-profile`, out, withoutClasses, workers }, context) {
    const progress = context.progress("pack", "bytes");
    try {
      const report = await packData({
        data,
        profile,
        out,
        classes: !withoutClasses,
        ...present({ workers }),
        signal: context.io.signal,
        onProgress: ({ bytesDone, bytesTotal }) => progress.update(bytesDone, bytesTotal),
      });
      progress.end();
      return { json: report, text: packText(report) };
    } finally {
      progress.end();
    }
  },
});

export function packText(report: PackReport): string {
  const { hotInputs, coldInputs, hotRows, rowBytes, budgetBytes, seconds, directory } = report;
  const rows = hotRows.reduce((sum, n) => sum + n, 0);
  return [
    `hot rows: ${formatCount(rows)}, ${formatBytes(rows * rowBytes)} of ${formatBytes(budgetBytes)}`,
    `hot inputs: ${formatCount(hotInputs)} of ${formatCount(hotInputs + coldInputs)} (${formatShare(hotInputs / (hotInputs + coldInputs))})`,
    ...labelLines(report.labelRates),
    `${formatSeconds(seconds)}, written to ${directory}`,
  ].join("\n");
}

/** From this difference on, the class that an epoch of fae ends with moves what the model predicts on the whole. */
const muchApart = 0.05;

function labelLines({ hot, cold }: PackReport["labelRates"]): string[] {
  if (hot === null || cold === null) return [];
  const lines = [`labels: ${formatShare(hot)} of the hot inputs are 1, ${formatShare(cold)} of the cold ones`];
  if (Math.abs(hot - cold) < muchApart) return lines;
  return [
    ...lines,
    "hint: the two differ much, and fae trains them in turn: compare its test loss with --shuffle-first and --shuffle-rate, or take mixed, which keeps the order",
  ];
}
