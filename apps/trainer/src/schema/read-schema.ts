import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigError, checkArguments, is } from "@fae/core";
import { defineLog, type LogDefinition, type LogSchemaInput, pathText, type SchemaPath } from "@fae/datasets";
import { type Document, isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from "yaml";

/** Whether a word on the command line names a schema rather than a format. */
export const isSchemaFile = (word: string): boolean => /\.ya?ml$/i.test(word);

/**
 * Reads the schema of a log from a YAML file; paths in it start from its directory.
 * @throws ConfigError naming the file, the line and the place in the schema
 */
export function readLogSchema(path: string): LogDefinition {
  checkArguments("readLogSchema", { path: [path, is.text] });
  const lines = new LineCounter();
  const document = parseDocument(readText(path), { lineCounter: lines });
  const [broken] = document.errors;
  if (broken) {
    const { line } = lines.linePos(broken.pos[0]);
    throw new ConfigError(
      `${path} line ${line} is not YAML: ${broken.message.split("\n")[0].replace(/\s*at line.*$/, "")}.`,
      {
        details: { path, line },
      },
    );
  }
  if (!isMap(document.contents))
    throw new ConfigError(`${path} holds no schema: expected 'name: value' lines.`, { details: { path } });
  const where = (place: SchemaPath) => `${path} line ${lineOf(document, lines, place)}: ${pathText(place)}`;
  let value: LogSchemaInput;
  try {
    value = document.toJS() as LogSchemaInput; // checked by defineLog
  } catch (cause) {
    throw new ConfigError(`${path}: ${(cause as Error).message}.`, { details: { path }, cause });
  }
  return defineLog(value, where, dirname(resolve(path)));
}

/** Line of a place in a document; of the nearest place around it where the document lacks it. */
function lineOf(document: Document, lines: LineCounter, place: SchemaPath): number {
  for (let length = place.length; length > 0; length--) {
    const parent = document.getIn(place.slice(0, length - 1), true);
    const name = place[length - 1];
    // The key of a pair stands before its value, where people look for it.
    const pair = isMap(parent) ? parent.items.find(({ key }) => isScalar(key) && key.value === name) : undefined;
    const node = pair?.key ?? document.getIn(place.slice(0, length), true);
    if (isNode(node) && (node as Node).range) return lines.linePos((node as Node).range?.[0] ?? 0).line;
  }
  return 1;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new ConfigError(`Cannot read the schema ${path}: ${(cause as Error).message}.`, {
      fix: "Check the path; 'fae schema my.csv > clicks.yaml' makes one.",
      details: { path },
      cause,
    });
  }
}
