import { ConfigError } from "@fae/core";
import { prepareSchema } from "@fae/datasets";
import type { CommandContext } from "../cli/command.js";
import { present } from "../cli/present.js";
import { stageProgress } from "../cli/stage-progress.js";
import { readLogSchema } from "./read-schema.js";

export interface SchemaPreparation {
  /** YAML file. */
  readonly path: string;
  /** Files in place of the schema's. */
  readonly files: readonly string[];
  readonly out: string;
  readonly maxRejects: number | undefined;
}

/** Options of `fae prepare` that a log with a schema takes; what others do is said in the schema. */
const known = new Set(["out", "maxRejects"]);

/** `fae prepare clicks.yaml`. @throws ConfigError for an option that is for the known logs */
export async function prepareSchemaFile(
  { path, files, out, maxRejects }: SchemaPreparation,
  context: CommandContext,
): Promise<void> {
  const other = [...context.given].find((key) => !known.has(key));
  if (other !== undefined) {
    const flag = `--${other.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new ConfigError(`Option ${flag} is for the known logs: ${path} is a schema.`, {
      fix: `Leave it out; ids, rows, seed and split are said in the schema.`,
      details: { option: other, path },
    });
  }
  const progress = stageProgress(context);
  try {
    await prepareSchema({
      log: readLogSchema(path),
      files,
      directory: out,
      ...present({ maxRejects }),
      signal: context.io.signal,
      onNotice: context.log,
      onProgress: (now) => progress.show(now, now.rejected > 0 ? `${now.rejected} lines rejected` : ""),
    });
  } finally {
    progress.end();
  }
}
