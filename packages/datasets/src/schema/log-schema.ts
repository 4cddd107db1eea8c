import { ConfigError, checkArguments, is } from "@fae/core";
import { checkSchema } from "./check-schema.js";
import { type LogSchema, type LogSchemaInput, logShape, type SchemaPath } from "./schema-shape.js";

export type { DenseColumn, LogSchema, LogSchemaInput, SchemaPath, TableColumn } from "./schema-shape.js";

/** A schema whose parts fit together. `z.input` of it is what people write; the output has every default. */
export const logSchema = logShape.superRefine(checkSchema);

/** A checked schema, and how messages call a place in it. */
export interface LogDefinition {
  readonly schema: LogSchema;
  /** e.g. `clicks.yaml line 12: tables[2].column`. */
  readonly where: (path: SchemaPath) => string;
  /** Directory that relative paths of `files` start from. */
  readonly directory: string;
}

/** `tables[2].column` */
export const pathText = (path: SchemaPath): string =>
  path.reduce<string>(
    (sum, part) => (typeof part === "number" ? `${sum}[${part}]` : sum ? `${sum}.${part}` : part),
    "",
  );

/**
 * Checks a schema that is given as a value. Its relative paths start from the working directory.
 * @throws ConfigError naming the place in the schema
 */
export function defineLog(
  schema: LogSchemaInput,
  where: LogDefinition["where"] = (path) => `schema ${pathText(path)}`,
  directory = process.cwd(),
): LogDefinition {
  checkArguments("defineLog", { where: [where, is.call], directory: [directory, is.text] });
  const parsed = logSchema.safeParse(schema);
  if (parsed.success) return { schema: parsed.data, where, directory };
  // Unknown names first: that the right name is missing is only a consequence.
  const { issues } = parsed.error;
  const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
  const path = issue.path.filter((part) => typeof part !== "symbol");
  const place = issue.code === "unrecognized_keys" ? [...path, issue.keys[0]] : path;
  throw new ConfigError(`${where(place)}: ${issue.message.replace(/\.$/, "")}.`, {
    fix: "'fae schema --help' shows a whole schema.",
    details: { path: pathText(place), issues: issues.length },
  });
}
