import { statSync } from "node:fs";
import { ConfigError } from "@fae/core";
import { defineCommand, option } from "../cli/command.js";
import { formatCount, formatMetric, formatSeconds } from "../cli/format.js";
import { present } from "../cli/present.js";
import { byteCount, choice, flag, number, text } from "../cli/values.js";
import { freshPath, stageFile } from "../export/stage-file.js";
import { type PredictReport, predictScores } from "../predict/predict-scores.js";
import { readLogSchema } from "../schema/read-schema.js";
import { rawFormatName, rawFormatNotes } from "./raw-formats.js";

export const predictCommand = defineCommand({
  name: "predict",
  summary: "Scores raw log lines, or a split of a prepared data set, with a trained model.",
  operands: ["<model>", "<input>"],
  options: {
    format: option("--format <name>", "<input> is a raw log of this format, - for stdin", text().optional()),
    schema: option(
      "--schema <file>",
      "<input> is a log with this schema, as the data set was prepared with (default for a file: that of the data set)",
      text().optional(),
    ),
    split: option(
      "--split <name>",
      "<input> is a prepared data set: what to score",
      choice(["train", "val", "test", "hot", "cold"]).default("test"),
    ),
    data: option(
      "--data <dir>",
      "prepared data set with the vocabulary (default: where the run was trained on it)",
      text().optional(),
    ),
    unlabelled: option("--unlabelled", "the lines have no label, as in a test file", flag()),
    maxRejects: option(
      "--max-rejects <share>",
      "share of malformed lines that may be left out",
      number({ atLeast: 0, atMost: 1 }).default(0.001),
    ),
    out: option(
      "--out <file>",
      "file of scores, must not exist (default: stdout, the summary then goes to stderr)",
      text().optional(),
    ),
    cache: option("--cache <bytes>", "memory for embedding rows", byteCount(0).default(256 * 2 ** 20)),
  },
  example: "zcat day_23.gz | fae predict runs/first - --format criteo-terabyte > scores.tsv",
  notes:
    "Each line of scores is a number and a probability with a tab between: the number of the line from 1, or of the row from\n" +
    "0. Malformed lines get none. A key that training never saw counts as a missing value; such keys are counted. A file is\n" +
    "a log with the schema of the data set, where neither --format nor --schema says otherwise. With\n" +
    `--json --out is needed. ${rawFormatNotes}`,
  async run([model, input], options, { io, json, log, progress }) {
    const { format, schema, split, out, cache, unlabelled, maxRejects } = options;
    const isLog =
      schema !== undefined || (format === undefined && statSync(input, { throwIfNoEntry: false })?.isFile());
    const data = options.data ?? (format === undefined && !isLog ? input : undefined);
    const text = input === "-" ? process.stdin : input;
    if (format !== undefined && schema !== undefined)
      throw new ConfigError("Both --format and --schema say what <input> is.", { fix: "Give one of them." });
    const from =
      format !== undefined
        ? { format: rawFormatName(format), text, unlabelled, maxRejects }
        : isLog
          ? { schema: schema === undefined ? null : readLogSchema(schema), text, maxRejects }
          : split;
    if (json && out === undefined) {
      throw new ConfigError("With --json stdout is for the summary, so the scores need a file.", {
        fix: "Give --out scores.tsv, or leave --json out.",
        details: { option: "out" },
      });
    }
    if (input === "-" && typeof from === "string") {
      throw new ConfigError("Lines from stdin, and their format is not said.", {
        fix: "Give --format criteo-kaggle, or the one that the model was trained on; or --schema clicks.yaml.",
        details: { option: "format" },
      });
    }
    if (out !== undefined) freshPath(out);
    const file = out === undefined ? null : await stageFile(out);
    const bar = progress("predict", "inputs");
    let held = "";
    try {
      const report = await predictScores({
        model,
        from,
        ...present({ data }),
        cacheBytes: cache,
        signal: io.signal,
        onProgress: (done) => bar.update(done, 0),
        async write(scores) {
          if (file) return file.write(new TextEncoder().encode(scores));
          // The last piece is handed back as the command's own text, which ends stdout.
          io.stdout.write(held);
          held = scores;
        },
      });
      await file?.commit();
      bar.end();
      const summary = predictText(report, out);
      if (file === null) log(summary);
      const last = held.trimEnd();
      held = "";
      return { json: report, text: file === null ? last : summary };
    } finally {
      io.stdout.write(held); // after an error: every input that was scored is told
      bar.end();
      await file?.discard();
    }
  },
});

function predictText({ inputs, step, meanScore, seconds, unknownKeys, rejected }: PredictReport, out?: string): string {
  const rate = formatCount(Math.round(inputs / seconds));
  const facts = [
    `step ${step}: ${formatCount(inputs)} inputs in ${formatSeconds(seconds)} (${rate}/s), mean score ${formatMetric(meanScore)}`,
  ];
  const unknown = Object.entries(unknownKeys);
  if (unknown.length > 0)
    facts.push(`unknown keys, taken as missing: ${unknown.map(([table, keys]) => `${table} ${keys}`).join(", ")}`);
  if (rejected.lines > 0) {
    const reasons = Object.entries(rejected.byReason).map(([reason, lines]) => `${reason} ${lines}`);
    facts.push(
      `rejected lines, not scored: ${rejected.lines} (${reasons.join(", ")}), first line ${rejected.first[0].line}`,
    );
  }
  if (out !== undefined) facts.push(`written to ${out}`);
  return facts.join("\n");
}
