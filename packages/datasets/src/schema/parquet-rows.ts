import type { DuckDBVector } from "@duckdb/node-api";
import { DataError } from "@fae/core";
import { fieldsOf } from "./csv.js";
import { identifier, literal, openDatabase, unreadable } from "./duckdb.js";
import {
  listSeparator,
  type ReadColumn,
  type ReadOptions,
  type RowBlock,
  type RowProblem,
  shorten,
} from "./row-block.js";
import { BlockRows } from "./text-rows.js";

/**
 * Rows of a Parquet file, read by DuckDB: every encoding and compression of it, in the order of the file.
 * @throws DataError for a file that is cut short, or that lacks a column or has one of another kind
 */
export async function* parquetRows(options: ReadOptions, onRows: (rows: number) => void): AsyncGenerator<RowBlock> {
  const { path, columns, facts, onReject } = options;
  using database = await openDatabase(`'${path}', Parquet,`);
  const { connection } = database;
  const from = `read_parquet(${literal(path)}, file_row_number=true, binary_as_string=true)`;
  let types: Map<string, string>;
  try {
    const found = await connection.runAndReadAll(`DESCRIBE SELECT * EXCLUDE (file_row_number) FROM ${from}`);
    types = new Map(found.getRows().map(([name, type]) => [String(name), String(type)]));
  } catch (cause) {
    throw unreadable(path, "Parquet file", cause);
  }
  const fields = fieldsOf([...types.keys()], options);
  const values = columns.map((column, c) =>
    fields[c] < 0 ? "NULL" : selected(column, types.get(column.name) ?? "", options),
  );
  const rows = new ChunkRows(columns);
  try {
    const result = await connection.stream(`SELECT ${["file_row_number", ...values].join(", ")} FROM ${from}`);
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return;
      const vectors = Array.from({ length: chunk.columnCount }, (_, c) => chunk.getColumnVector(c));
      facts.rows += chunk.rowCount;
      onRows(chunk.rowCount);
      yield rows.take(vectors, chunk.rowCount, onReject);
    }
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw unreadable(path, "Parquet file", cause);
  }
}

/** What is selected for a column: its text, or the texts of its list. @throws DataError for a kind that has neither */
function selected(column: ReadColumn, type: string, { path, where }: ReadOptions): string {
  const name = identifier(column.name);
  const isList = /\[\d*\]$/.test(type);
  const isNested = /^(STRUCT|MAP|UNION)/.test(type) || /\[\d*\]\[\d*\]$/.test(type);
  if (isNested || isList !== column.isList) {
    const expected = column.isList ? "a list of values" : "one value";
    throw new DataError(
      `Column '${column.name}' of '${path}' is ${type}, expected ${expected} (${where(column.path)}).`,
      {
        fix: isNested
          ? "Write the part that you need as a column of its own."
          : "Give list or sequence for a column of lists, neither for one value.",
        details: { path, column: column.name, found: type },
      },
    );
  }
  return isList ? `list_transform(${name}, lambda x: ${textOf("x", type)})::VARCHAR[]` : textOf(name, type);
}

/** Times as ISO text in UTC, all else as DuckDB prints it: integers whole, numbers so that they read back to the bit. */
const textOf = (name: string, type: string): string =>
  /^(TIMESTAMP|DATE)/.test(type)
    ? `strftime(make_timestamp(epoch_us(${name})), '%Y-%m-%dT%H:%M:%S.%fZ')`
    : `${name}::VARCHAR`;

/** Turns the columns of a chunk into a block of rows. */
class ChunkRows {
  #bytes = Buffer.allocUnsafe(1 << 20);
  #used = 0;

  constructor(private readonly columns: readonly ReadColumn[]) {}

  take(vectors: readonly DuckDBVector[], count: number, onReject: ReadOptions["onReject"]): RowBlock {
    this.#used = 0;
    const rows = new BlockRows(2 * this.columns.length);
    const width = this.columns.length;
    const cell = new Int32Array(2 * width);
    for (let i = 0; i < count; i++) {
      const number = Number(vectors[0].getItem(i)) + 1;
      let problem: RowProblem | null = null;
      for (let c = 0; c < width; c++) {
        cell[2 * c] = -1;
        cell[2 * c + 1] = -1;
        const value = vectors[c + 1].getItem(i);
        if (value === null) continue;
        const { name, isList } = this.columns[c];
        const text = isList ? this.#listText(value) : (value as string);
        if (text === null) problem ??= { reason: "control-character", column: name, found: shorten(String(value)) };
        else if (text.includes("\0")) problem ??= { reason: "nul-byte", column: name, found: shorten(text) };
        else if (text !== "" || isList) this.#put(text, cell, c);
      }
      if (problem) onReject({ row: number, offset: null, ...problem });
      else {
        const at = rows.add(number, 0);
        rows.cells.set(cell, at);
      }
    }
    return rows.block(this.#bytes, false);
  }

  #listText(value: unknown): string | null {
    const { items } = value as { items: readonly (string | null)[] };
    const separator = String.fromCharCode(listSeparator);
    return items.some((item) => item?.includes(separator)) ? null : items.map((item) => item ?? "").join(separator);
  }

  #put(text: string, cell: Int32Array, c: number): void {
    const most = this.#used + 3 * text.length;
    if (most > this.#bytes.length) {
      const more = Buffer.allocUnsafe(Math.max(most, 2 * this.#bytes.length));
      this.#bytes.copy(more, 0, 0, this.#used);
      this.#bytes = more;
    }
    cell[2 * c] = this.#used;
    this.#used += this.#bytes.write(text, this.#used);
    cell[2 * c + 1] = this.#used;
  }
}
