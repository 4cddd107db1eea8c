import { statSync } from "node:fs";
import { resolve } from "node:path";
import { ConfigError, DataError } from "@fae/core";
import type { CommandContext } from "../cli/command.js";

/** Options of `predict` that say what its input is. */
export interface PredictOperands {
  readonly format?: string | undefined;
  readonly schema?: string | undefined;
  readonly data?: string | undefined;
  readonly out?: string | undefined;
}

/** Whether the input is a log with a schema: one is given, or it is a file whose format is not said. */
export const isSchemaLog = (input: string, { format, schema }: Pick<PredictOperands, "format" | "schema">): boolean =>
  schema !== undefined || (format === undefined && statSync(input, { throwIfNoEntry: false })?.isFile() === true);

/** What is scored is there, and every option that was given says something about it. @throws ConfigError, DataError */
export function checkOperands(
  input: string,
  { format, schema, data, out }: PredictOperands,
  { json, given }: Pick<CommandContext, "json" | "given">,
): void {
  if (json && out === undefined) {
    throw new ConfigError("With --json stdout is for the summary, so the scores need a file.", {
      fix: "Give --out scores.tsv, or leave --json out.",
      details: { option: "out" },
    });
  }
  if (format !== undefined && schema !== undefined)
    throw new ConfigError("Both --format and --schema say what <input> is.", {
      fix: "Give one of them.",
      details: { option: "schema" },
    });
  if (input === "-" && format === undefined && schema === undefined) {
    throw new ConfigError("Lines from stdin, and their format is not said.", {
      fix: "Give --format criteo-kaggle, or the one that the model was trained on; or --schema clicks.yaml.",
      details: { option: "format" },
    });
  }
  if (input !== "-") expectInput(input, format ?? schema, format === undefined ? "--schema" : "--format");
  const isLog = format !== undefined || isSchemaLog(input, { format, schema });
  const useless: readonly ("unlabelled" | "maxRejects" | "split")[] =
    format !== undefined ? ["split"] : isLog ? ["split", "unlabelled"] : ["unlabelled", "maxRejects"];
  for (const name of useless) {
    if (!given.has(name)) continue;
    const [isOf, fix] =
      name === "split"
        ? format === undefined
          ? ["a prepared data set, and the input is a log with a schema", "name the data set"]
          : ["a prepared data set, and with --format the input is a raw log", "leave --format out"]
        : isLog
          ? ["a known log, and the input is a log with a schema, whose label need not be there", "give --format"]
          : ["a raw log, and without --format the input is a prepared data set", "give --format"];
    const flag = name === "maxRejects" ? "--max-rejects" : `--${name}`;
    throw new ConfigError(`${flag} is for ${isOf}.`, {
      fix: `Leave ${flag} out, or ${fix}.`,
      details: { option: name },
    });
  }
  if (isLog || data === undefined || resolve(data) === resolve(input)) return;
  throw new ConfigError(`Two data sets: '${input}' is to be scored, and --data names '${data}'.`, {
    fix: "Leave --data out to score a split of the first; give --format to score a raw log.",
    details: { option: "data", found: data, expected: input },
  });
}

/** @throws DataError, ConfigError when there is nothing of that name, or something else than is to be scored */
function expectInput(input: string, log: string | undefined, flag: string): void {
  const found = statSync(input, { throwIfNoEntry: false });
  if (found === undefined)
    throw new DataError(`'${input}' does not exist.`, { fix: "Check the path.", details: { path: input } });
  if (log !== undefined && found.isDirectory())
    throw new ConfigError(`'${input}' is a directory, and ${flag} ${log} says that it is a raw log.`, {
      fix: `Name a file, or leave ${flag} out to score a prepared data set.`,
      details: { option: flag.slice(2), path: input },
    });
}
