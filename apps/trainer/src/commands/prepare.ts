import { type Manifest, prepare, type SeriesOptions } from "@fae/datasets";
import { type CommandContext, defineCommand, type OptionValues, option } from "../cli/command.js";
import { present } from "../cli/present.js";
import { stageProgress } from "../cli/stage-progress.js";
import { byteCount, choice, count, flag, number, text } from "../cli/values.js";
import { inspect } from "../inspect/inspect.js";
import { inspectionText } from "../inspect/inspect-text.js";
import { prepareSchemaFile } from "../schema/prepare-schema-file.js";
import { isSchemaFile } from "../schema/read-schema.js";
import { rawFormatName, rawFormatNotes } from "./raw-formats.js";

const options = {
  out: option("--out <dir>", "directory to make; must not exist", text()),
  ids: option(
    "--ids <how>",
    "dictionary (default): ids by first appearance; hash: key modulo --max-rows-per-table, memory bounded",
    choice(["dictionary", "hash"]).optional(),
  ),
  maxRowsPerTable: option("--max-rows-per-table <n>", "keys are taken modulo this", count(1, 0x7fffffff).optional()),
  dropNegatives: option(
    "--drop-negatives <share>",
    "share of label-0 training inputs to leave out; held-out splits stay whole (default: 0)",
    number({ atLeast: 0, atMost: 1 }).optional(),
  ),
  randomize: option(
    "--randomize <how>",
    "order of training inputs: as in the log (none), permuted inside each day, or over all (Taobao: always)",
    choice(["none", "day", "total"]).optional(),
  ),
  days: option("--days <n>", "Criteo: cut the log into this many days", count(2).optional()),
  seed: option("--seed <n>", "seed of every draw", count(0, 0xffffffff).optional()),
  trainUsers: option("--train-users <n>", "Taobao: training users", count(1).optional()),
  valUsers: option("--val-users <n>", "Taobao: of these, users with validation series", count(1).optional()),
  pointsPerUser: option("--points-per-user <n>", "Taobao: most series of one user and sign", count(1).optional()),
  usersMultiple: option(
    "--users-multiple <n>",
    "Taobao: training and test users are each cut to a multiple of this (default: 256)",
    count(1, 65536).optional(),
  ),
  asGiven: option(
    "--as-given",
    "take files out of order, a file given twice, and hours that fall, as they are",
    flag(),
  ),
  maxRejects: option(
    "--max-rejects <share>",
    "share of lines that may be rejected (default: 0.001)",
    number({ atLeast: 0, atMost: 1 }).optional(),
  ),
  workers: option("--workers <n>", "threads; default one a core", count(1, 256).optional()),
  partBytes: option("--part-bytes <bytes>", "text in one resumable unit of work", byteCount(1).optional()),
};

export const prepareCommand = defineCommand({
  name: "prepare",
  summary: "Turns a raw click log into a prepared data set.",
  operands: ["<format>", "[input...]"],
  options,
  example: "fae prepare criteo-kaggle train.txt --out kaggle",
  notes: [
    rawFormatNotes,
    "For a log of your own <format> is its schema: fae prepare clicks.yaml --out data (see fae schema --help).",
    "Inputs are files in order of time, plain or gzip, or one directory that holds them under their published names; not a pipe.",
    "They may begin with the names of the columns, and have commas for tabs or tabs for commas.",
    "An interrupted preparation of a known log goes on where it was when the same command is given again.",
  ].join("\n"),
  async run([format, ...files], given, context) {
    const { out, maxRejects } = given;
    if (isSchemaFile(format)) await prepareSchemaFile({ path: format, files, out, maxRejects }, context);
    else await prepareLog(format, files, given, context);
    const found = await inspect(out, 0);
    const rejects = found.kind === "prepared" ? rejectsText(found.manifest.lines) : "";
    return { json: found, text: `${inspectionText(found)}\n${rejects}Written to ${out}` };
  },
});

async function prepareLog(
  format: string,
  files: readonly string[],
  given: OptionValues<typeof options>,
  context: CommandContext,
): Promise<void> {
  const { out, trainUsers, valUsers, pointsPerUser, usersMultiple, ...shaping } = given;
  const series = present({ trainUsers, valUsers, perUser: pointsPerUser, usersMultiple }) satisfies SeriesOptions;
  const progress = stageProgress(context);
  try {
    await prepare({
      format: rawFormatName(format),
      files,
      directory: out,
      ...present(shaping),
      ...(Object.keys(series).length > 0 && { series }),
      signal: context.io.signal,
      onProgress: (now) => progress.show(now, now.rejected > 0 ? `${now.rejected} lines rejected` : ""),
    });
  } finally {
    progress.end();
  }
}

/** The most frequent reason; nothing where every line was taken. */
function rejectsText({ rejected, byReason, file }: Manifest["lines"]): string {
  const [most] = Object.entries(byReason).sort(([, a], [, b]) => b - a);
  return most ? `Rejected: ${most[1]} of ${rejected} lines for '${most[0]}'; all of them are in ${file}\n` : "";
}
