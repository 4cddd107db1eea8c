import { checkArguments, checkOptions, DataError, is } from "@fae/core";
import { proposeKinds } from "../call-kinds.js";
import { type ColumnSample, type LogShape, mostDistinct } from "./column-sample.js";
import { literal, openDatabase } from "./duckdb.js";
import { logFiles } from "./log-files.js";
import { defineLog, type LogSchema } from "./log-schema.js";
import { textPieces } from "./pieces.js";
import { schemaText } from "./propose-text.js";
import { rowsOfFile } from "./read-log.js";
import { type RowBlock, textOf } from "./row-block.js";
import { firstPieces } from "./text-rows.js";

export interface ProposeOptions {
  /** Rows that are looked at, from the beginning of the first file; default 10,000. */
  readonly rows?: number;
}

const sampleRows = 10_000;

/**
 * Proposes a schema for a log by a look at its first rows: YAML, with the reasons as comments.
 * @param paths files, or globs, of one log @throws DataError when the first file cannot be read
 */
export async function proposeSchema(paths: readonly string[], options: ProposeOptions = {}): Promise<string> {
  checkArguments("proposeSchema", { paths: [paths, is.list(is.text, 1)] });
  checkOptions<ProposeOptions>("proposeSchema", options, proposeKinds);
  const { rows = sampleRows } = options;
  const any = defineLog({ files: [...paths], format: "csv", label: "-", tables: ["-"], split: { by: "none" } });
  const [file] = logFiles(any, paths);
  const shape = await shapeOf(file);
  const columns = await columnsOf(file, shape);
  const schema: LogSchema = { ...any.schema, ...shape };
  const samples = columns.map(
    ({ name, isList }): ColumnSample => ({ name, isList, distinct: new Map(), rows: 0, missing: 0, longest: 1 }),
  );
  const reading = {
    path: file.path,
    columns: columns.map((column) => ({ ...column, isOptional: true, path: [] })),
    where: () => file.path,
    facts: { rows: 0, crlf: 0 },
    onReject: () => {},
    onUnused: () => {},
  };
  let seen = 0;
  for await (const block of rowsOfFile(file, schema, null, reading, () => {})) {
    const count = Math.min(block.rows, rows - seen);
    for (const [c, sample] of samples.entries()) look(sample, block, c, columns.length, count);
    seen += count;
    if (seen >= rows) break;
  }
  if (seen === 0)
    throw new DataError(`'${file.path}' has no rows to look at.`, { fix: "Give a file that holds some." });
  return schemaText(paths, shape, samples, seen);
}

function look(sample: ColumnSample, { bytes, cells }: RowBlock, c: number, width: number, count: number): void {
  for (let row = 0; row < count; row++) {
    const at = 2 * (row * width + c);
    sample.rows++;
    if (cells[at] < 0) {
      sample.missing++;
      continue;
    }
    const text = textOf(bytes, cells[at], cells[at + 1]);
    const values = sample.isList ? text.split("\u001f") : [text];
    sample.longest = Math.max(sample.longest, values.length);
    for (const value of values)
      if (sample.distinct.size < mostDistinct || sample.distinct.has(value))
        sample.distinct.set(value, (sample.distinct.get(value) ?? 0) + 1);
  }
}

async function shapeOf(file: Parameters<typeof textPieces>[0]): Promise<LogShape> {
  const name = file.path.toLowerCase().replace(/\.(gz|zst)$/, "");
  if (/\.(parquet|pq)$/.test(name)) return { format: "parquet", ...plainShape };
  if (/\.(jsonl|ndjson|json)$/.test(name)) return { format: "jsonl", ...plainShape };
  const line = await firstLine(file);
  if (line.startsWith("PAR1")) return { format: "parquet", ...plainShape };
  if (/^\s*\{.*\}\s*$/.test(line)) return { format: "jsonl", ...plainShape };
  const plain = line.replace(/"[^"]*"/g, "");
  const counts = ["\t", "::", ",", ";", "|"].map((text) => ({ text, count: plain.split(text).length - 1 }));
  const most = counts.reduce((a, b) => (b.count > a.count ? b : a));
  const first = (most.count === 0 ? [line] : line.split(most.text)).map((text) => text.replace(/^"(.*)"$/, "$1"));
  // Names are no numbers, and no name comes twice.
  const hasHeader =
    new Set(first).size === first.length && first.every((name) => name !== "" && Number.isNaN(Number(name)));
  const names = hasHeader ? undefined : first.map((_, i) => `c${i + 1}`);
  if (most.text === "\t") return { format: "tsv", separator: undefined, names };
  return { format: "csv", separator: most.text === "," || most.count === 0 ? undefined : most.text, names };
}

const plainShape = { separator: undefined, names: undefined };

async function firstLine(file: Parameters<typeof textPieces>[0]): Promise<string> {
  const pieces = textPieces(file, null, () => {});
  try {
    const { bytes } = await firstPieces(pieces, (found) => found.includes(10));
    const end = bytes.indexOf(10);
    return textOf(bytes, 0, end < 0 ? bytes.length : end).replace(/\r$/, "");
  } finally {
    await pieces.return(undefined);
  }
}

async function columnsOf(
  file: Parameters<typeof textPieces>[0],
  { format, separator, names: given }: LogShape,
): Promise<{ name: string; isList: boolean }[]> {
  if (format === "parquet") {
    using database = await openDatabase(`'${file.path}', Parquet,`);
    const found = await database.connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet(${literal(file.path)})`);
    return found
      .getRows()
      .filter(([, type]) => !/^(STRUCT|MAP|UNION)|\[\]\[\]$/.test(String(type)))
      .map(([name, type]) => ({ name: String(name), isList: /\[\d*\]$/.test(String(type)) }));
  }
  if (given) return given.map((name) => ({ name, isList: false }));
  const line = (await firstLine(file)).replace(/^\ufeff/, "");
  if (format === "jsonl") {
    const first = jsonObject(line, file.path);
    const isNested = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
    return Object.entries(first)
      .filter(([, value]) => !isNested(value))
      .map(([name, value]) => ({ name, isList: Array.isArray(value) }));
  }
  const names = line.split(separator ?? (format === "tsv" ? "\t" : ",")).map((name) => name.replace(/^"(.*)"$/, "$1"));
  return names.map((name) => ({ name, isList: false }));
}

function jsonObject(line: string, path: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch (cause) {
    throw new DataError(`'${path}' line 1 is no JSON.`, {
      fix: "Give JSON lines: an object a line.",
      details: { path },
      cause,
    });
  }
}
