import type { Hash } from "node:crypto";
import { type CsvFormat, csvRows } from "./csv.js";
import { jsonlRows } from "./jsonl.js";
import type { LogFile } from "./log-files.js";
import type { LogSchema } from "./log-schema.js";
import { parquetRows } from "./parquet-rows.js";
import { textPieces } from "./pieces.js";
import type { ReadOptions, RowBlock } from "./row-block.js";

/** How the text of a CSV or TSV log is cut. TSV has no quotes unless the schema names one. */
export const csvFormatOf = ({ format, separator, quote, names }: LogSchema): CsvFormat => ({
  separator: separator ?? (format === "tsv" ? "\t" : ","),
  quote: quote === undefined ? (format === "tsv" ? null : '"') : quote,
  names: names ?? null,
});

/** Rows of a text in the format of a schema. */
export function rowsOfText(
  pieces: AsyncIterable<Uint8Array>,
  schema: LogSchema,
  options: ReadOptions,
): AsyncGenerator<RowBlock> {
  return schema.format === "jsonl" ? jsonlRows(pieces, options) : csvRows(pieces, csvFormatOf(schema), options);
}

/**
 * Rows of one file of a log, some at a time.
 * @param hash gets the bytes of the file as stored, but for Parquet, which is not read front to back
 * @throws DataError naming the file, and the column where one is at fault
 */
export function rowsOfFile(
  file: Pick<LogFile, "path" | "compression" | "bytes">,
  schema: LogSchema,
  hash: Hash | null,
  options: ReadOptions,
  onStored: (bytes: number) => void,
): AsyncGenerator<RowBlock> {
  if (schema.format !== "parquet") return rowsOfText(textPieces(file, hash, onStored), schema, options);
  return parquetRows(options, () => {});
}
