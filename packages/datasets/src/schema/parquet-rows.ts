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
  for (const column of columns) expectSameType(column, types.get(column.name), options);
  const rows = new ChunkRows(columns);
  try {
    const lists = values.filter((_, c) => columns[c].isList);
    const parts = ["file_row_number", joinedValues(values.filter((_, c) => !columns[c].isList)), ...lists];
    const result = await connection.stream(`SELECT ${parts.join(", ")} FROM ${from}`);
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
          ? "Write the part that you need as a separate column."
          : "Give list or sequence for a column of lists, neither for one value.",
        details: { path, column: column.name, found: type },
      },
    );
  }
  return isList ? `list_transform(${name}, lambda x: ${textOf("x", type)})::VARCHAR[]` : textOf(name, type);
}

/**
 * Keys that are integers in one file and numbers with decimals in another, as where a program needed a missing value, would
 * be other texts: 7 and 7.0. @throws DataError
 */
function expectSameType(column: ReadColumn, type: string | undefined, { path, types, where }: ReadOptions): void {
  if (!column.isKey || !types || type === undefined) return;
  const before = types.get(column.name) ?? type;
  types.set(column.name, before);
  const hasDecimals = (of: string): boolean => /^(DOUBLE|FLOAT|DECIMAL)/.test(of);
  if (hasDecimals(type) === hasDecimals(before)) return;
  throw new DataError(
    `Column '${column.name}' of '${path}' is ${type}, and ${before} in the files before (${where(column.path)}).`,
    {
      fix: "Give it type: integer, so that 7 and 7.0 are one key, or write the files alike.",
      details: { path, column: column.name, found: type, expected: before },
    },
  );
}

/** Times as ISO text in UTC, all else as DuckDB prints it: integers whole, numbers so that they read back to the bit. */
const textOf = (name: string, type: string): string =>
  /^(TIMESTAMP|DATE)/.test(type)
    ? `strftime(make_timestamp(epoch_us(${name})), '%Y-%m-%dT%H:%M:%S.%fZ')`
    : `${name}::VARCHAR`;

/** Between the single values of a row: another control character that no text should have. */
const cellSeparator = 0x1e;

/** All single values of a row as one text: to hand over one a row is several times faster than one a value. */
const joinedValues = (values: readonly string[]): string =>
  `concat_ws(chr(${cellSeparator}), ''${values.map((value) => `, coalesce(${value}, '')`).join("")})`;

/** Turns the columns of a chunk into a block of rows. */
class ChunkRows {
  #bytes = Buffer.allocUnsafe(1 << 20);
  #used = 0;
  readonly #singles: readonly number[];
  readonly #lists: readonly number[];

  constructor(private readonly columns: readonly ReadColumn[]) {
    const places = columns.map((_, c) => c);
    this.#singles = places.filter((c) => !columns[c].isList);
    this.#lists = places.filter((c) => columns[c].isList);
  }

  /** @param vectors number of the row, its single values as one text, and its lists */
  take(vectors: readonly DuckDBVector[], count: number, onReject: ReadOptions["onReject"]): RowBlock {
    this.#used = 0;
    const rows = new BlockRows(2 * this.columns.length);
    const cell = new Int32Array(2 * this.columns.length);
    for (let i = 0; i < count; i++) {
      const number = Number(vectors[0].getItem(i)) + 1;
      cell.fill(-1);
      let problem = this.#takeSingles(vectors[1].getItem(i) as string, cell);
      for (const [l, c] of this.#lists.entries()) {
        const value = vectors[l + 2].getItem(i);
        if (value !== null) problem ??= this.#takeList(value, cell, c);
      }
      if (problem) onReject({ row: number, offset: null, ...problem });
      else {
        const at = rows.add(number, 0);
        rows.cells.set(cell, at);
      }
    }
    return rows.block(this.#bytes, false);
  }

  #takeSingles(text: string, cell: Int32Array): RowProblem | null {
    const end = this.#put(text);
    const bytes = this.#bytes;
    let cells = 0;
    // Each value has a separator before it.
    for (let at = this.#used; at < end; ) {
      const start = ++at;
      while (at < end && bytes[at] !== cellSeparator) {
        if (bytes[at] === 0) return { reason: "nul-byte", column: null, found: shorten(text) };
        at++;
      }
      const c = this.#singles[cells++];
      if (c === undefined || start === at) continue;
      cell[2 * c] = start;
      cell[2 * c + 1] = at;
    }
    this.#used = end;
    return cells === this.#singles.length ? null : { reason: "control-character", column: null, found: shorten(text) };
  }

  #takeList(value: unknown, cell: Int32Array, c: number): RowProblem | null {
    const { items } = value as { items: readonly (string | null)[] };
    const text = items.map((item) => item ?? "").join(String.fromCharCode(listSeparator));
    const found = shorten(text);
    const separators = text.split(String.fromCharCode(listSeparator)).length - 1;
    const { name } = this.columns[c];
    if (separators !== Math.max(0, items.length - 1)) return { reason: "control-character", column: name, found };
    if (text.includes("\0")) return { reason: "nul-byte", column: name, found };
    cell[2 * c] = this.#used;
    this.#used = this.#put(text);
    cell[2 * c + 1] = this.#used;
    return null;
  }

  /** Writes a text behind what is used; returns its end. */
  #put(text: string): number {
    const most = this.#used + 3 * text.length;
    if (most > this.#bytes.length) {
      const more = Buffer.allocUnsafe(Math.max(most, 2 * this.#bytes.length));
      this.#bytes.copy(more, 0, 0, this.#used);
      this.#bytes = more;
    }
    return this.#used + this.#bytes.write(text, this.#used);
  }
}
