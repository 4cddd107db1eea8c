import { statSync } from "node:fs";
import { resolve } from "node:path";
import { ConfigError, DataError } from "@fae/core";
import type { CommandContext } from "../cli/command.js";

/** Options of `predict` that say what its input is. */
export interface PredictOperands {
  readonly format?: string | undefined;
  readonly data?: string | undefined;
  readonly out?: string | undefined;
}

/** What is scored is there, and every option that was given says something about it. @throws ConfigError, DataError */
export function checkOperands(
  input: string,
  { format, data, out }: PredictOperands,
  { json, given }: Pick<CommandContext, "json" | "given">,
): void {
  if (json && out === undefined) {
    throw new ConfigError("With --json stdout is for the summary, so the scores need a file.", {
      fix: "Give --out scores.tsv, or leave --json out.",
      details: { option: "out" },
    });
  }
  if (input === "-" && format === undefined) {
    throw new ConfigError("Lines from stdin, and their format is not said.", {
      fix: "Give --format criteo-kaggle, or the one that the model was trained on.",
      details: { option: "format" },
    });
  }
  if (input !== "-") expectInput(input, format);
  const useless = format === undefined ? (["unlabelled", "maxRejects"] as const) : (["split"] as const);
  const [isOf, fix] =
    format === undefined
      ? ["a raw log, and without --format the input is a prepared data set", "give --format"]
      : ["a prepared data set, and with --format the input is a raw log", "leave --format out"];
  for (const name of useless) {
    if (!given.has(name)) continue;
    const flag = name === "maxRejects" ? "--max-rejects" : `--${name}`;
    throw new ConfigError(`${flag} is for ${isOf}.`, {
      fix: `Leave ${flag} out, or ${fix}.`,
      details: { option: name },
    });
  }
  if (format !== undefined || data === undefined || resolve(data) === resolve(input)) return;
  throw new ConfigError(`Two data sets: '${input}' is to be scored, and --data names '${data}'.`, {
    fix: "Leave --data out to score a split of the first; give --format to score a raw log.",
    details: { option: "data", found: data, expected: input },
  });
}

/** @throws DataError, ConfigError when there is nothing of that name, or something else than is to be scored */
function expectInput(input: string, format: string | undefined): void {
  const found = statSync(input, { throwIfNoEntry: false });
  if (found === undefined)
    throw new DataError(`'${input}' does not exist.`, { fix: "Check the path.", details: { path: input } });
  if (format !== undefined && found.isDirectory())
    throw new ConfigError(`'${input}' is a directory, and --format ${format} says that it is a raw log.`, {
      fix: "Name a file, or leave --format out to score a prepared data set.",
      details: { option: "format", path: input },
    });
  if (format === undefined && !found.isDirectory())
    throw new ConfigError(`'${input}' is a file, and its format is not said.`, {
      fix: "Give --format criteo-kaggle, or the one that the model was trained on.",
      details: { option: "format", path: input },
    });
}
