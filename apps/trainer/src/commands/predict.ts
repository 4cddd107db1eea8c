import type { SplitName } from "@fae/core";
import { type CommandContext, defineCommand, type Outcome, option } from "../cli/command.js";
import { formatCount, formatMetric, formatSeconds, formatShare } from "../cli/format.js";
import { unlessAborted } from "../cli/interrupted.js";
import { present } from "../cli/present.js";
import { byteCount, choice, flag, number, text } from "../cli/values.js";
import { freshPath, stageFile } from "../export/stage-file.js";
import { type PredictReport, predictScores } from "../predict/predict-scores.js";
import { readLogSchema } from "../schema/read-schema.js";
import { withOutput } from "../train/with-output.js";
import { checkOperands, isSchemaLog } from "./predict-operands.js";
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
      "prepared data set with the model's ids, for a model that carries no vocabulary (default: where the run was trained on it)",
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
    uncorrected: option(
      "--uncorrected",
      "leave scores as learnt where the training split was thinned (--drop-negatives)",
      flag(),
    ),
    cache: option("--cache <bytes>", "memory for embedding rows", byteCount(0).default(256 * 2 ** 20)),
  },
  example: "zcat day_23.gz | fae predict runs/first - --format criteo-terabyte > scores.tsv",
  notes:
    "Each line of scores is a number and a probability with a tab between: the number of the line from 1, or of the row from\n" +
    "0. Malformed lines get none; a first line that names the columns is skipped. A key that training never saw counts as a\n" +
    "missing value; such keys are counted. The model carries its vocabulary or hash, so raw lines need no data set; those of a log\n" +
    "with a schema need the one that it was trained on. A file is such a log where --format does not say otherwise. Of a model\n" +
    "whose training kept a share k of the inputs without a click, a score p is told as p / (p + (1 - p) / k). With --json\n" +
    `--out is needed. ${rawFormatNotes}`,
  async run([model, input], options, context) {
    checkOperands(input, options, context);
    const { out } = options;
    if (out === undefined) return predict(model, input, options, context);
    freshPath(out);
    return withOutput(out, () => predict(model, input, options, context));
  },
});

interface Given {
  readonly format?: string | undefined;
  readonly schema?: string | undefined;
  readonly split: SplitName;
  readonly data?: string | undefined;
  readonly unlabelled: boolean;
  readonly maxRejects: number;
  readonly out?: string | undefined;
  readonly cache: number;
  readonly uncorrected: boolean;
}

async function predict(model: string, input: string, options: Given, context: CommandContext): Promise<Outcome> {
  const { io, log, progress } = context;
  const { format, schema, split, out, cache, unlabelled, maxRejects, uncorrected } = options;
  const isLog = format !== undefined || isSchemaLog(input, options);
  const data = options.data ?? (isLog ? undefined : input);
  const lines = input === "-" ? process.stdin : input;
  const from =
    format !== undefined
      ? { format: rawFormatName(format), text: lines, unlabelled, maxRejects }
      : isLog
        ? { schema: schema === undefined ? null : readLogSchema(schema), text: lines, maxRejects }
        : split;
  const file = out === undefined ? null : await stageFile(out);
  const bar = progress("predict", "inputs");
  let held = "";
  try {
    const scoring = predictScores({
      model,
      from,
      ...present({ data }),
      cacheBytes: cache,
      uncorrected,
      signal: io.signal,
      onProgress: (done) => bar.update(done, 0),
      async write(scores) {
        if (file) return file.write(new TextEncoder().encode(scores));
        // The last piece is handed back as the command's own text, which ends stdout.
        io.stdout.write(held);
        held = scores;
      },
    });
    // A log that comes through a pipe may keep it waiting.
    const report = await unlessAborted(scoring, io.signal, "Prediction");
    await file?.commit();
    bar.end();
    const summary = predictText(report, { uncorrected, ...present({ out }) });
    if (file === null) log(summary);
    const last = held.trimEnd();
    held = "";
    return { json: report, text: file === null ? last : summary };
  } finally {
    io.stdout.write(held); // after an error: every input that was scored is told
    bar.end();
    await file?.discard();
  }
}

function predictText(
  { inputs, step, meanScore, seconds, unknownKeys, rejected, keptNegatives }: PredictReport,
  { out, uncorrected }: { readonly out?: string; readonly uncorrected: boolean },
): string {
  const rate = formatCount(Math.round(inputs / seconds));
  const facts = [
    `step ${step}: ${formatCount(inputs)} inputs in ${formatSeconds(seconds)} (${rate}/s), mean score ${formatMetric(meanScore)}`,
  ];
  if (keptNegatives < 1)
    facts.push(
      `training kept ${formatShare(keptNegatives)} of the inputs without a click: scores are ${uncorrected ? "not " : ""}corrected for it`,
    );
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
