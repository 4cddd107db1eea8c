import { DataError } from "@fae/core";
import { type ReadOptions, type RowBlock, type RowProblem, shorten, textOf } from "./row-block.js";
import { firstPieces, joined, type RecordScanner, textRows } from "./text-rows.js";

export interface CsvFormat {
  readonly separator: string;
  /** null: there are no quotes. */
  readonly quote: string | null;
  /** Names of all fields; null: the first line has them. */
  readonly names: readonly string[] | null;
}

/**
 * Rows of a CSV or TSV text (RFC 4180, any separator). Columns go by name: the order of a file is its own.
 * @throws DataError for a header that lacks a column or has one twice
 */
export async function* csvRows(
  pieces: AsyncIterable<Uint8Array>,
  format: CsvFormat,
  options: ReadOptions,
): AsyncGenerator<RowBlock> {
  const iterator = pieces[Symbol.asyncIterator]();
  const header = new CsvScanner(format, null, []);
  const { bytes, isEnd } = await firstPieces(
    iterator,
    (found) => header.next(found, bomBytes(found), found.length) >= 0,
  );
  const whole = isEnd && bytes.length > 0 && bytes[bytes.length - 1] !== 10 ? joined(bytes, Uint8Array.of(10)) : bytes;
  const bom = bomBytes(whole);
  const next = whole.length > bom ? header.next(whole, bom, whole.length) : -1;
  const first = next < 0 ? [] : header.texts(whole);
  const isHeader = format.names === null || sameNames(first, format.names);
  const names = format.names ?? first;
  if (format.names === null && (next < 0 || header.problem)) throw noHeader(options.path, header.problem);
  const fieldOf = fieldsOf(names, options);
  const scanner = new CsvScanner(format, names, fieldOf);
  const from = isHeader && next >= 0 ? next : bom;
  if (from > bom) options.facts.rows++;
  const line = from > bom ? 2 + header.lineEnds : 1;
  const rest = { [Symbol.asyncIterator]: () => iterator };
  yield* textRows(rest, scanner, options, { rest: whole.subarray(from), line, offset: from });
}

const bomBytes = (bytes: Uint8Array): number => (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0);

const sameNames = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, i) => name === b[i]);

const noHeader = (path: string, problem: RowProblem | null): DataError =>
  new DataError(`'${path}' has no header line${problem ? ` (line 1: ${problem.reason})` : ""}.`, {
    fix: "Give names: the columns in order, or add the line.",
    details: { path, line: 1 },
  });

/** Number of the field of each column that is read, -1 for one that may lack. */
export function fieldsOf(names: readonly string[], { path, columns, where, onUnused }: ReadOptions): number[] {
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined && columns.some(({ name }) => name === twice)) {
    throw new DataError(`'${path}' has two columns '${twice}'.`, {
      fix: "Rename one.",
      details: { path, column: twice },
    });
  }
  const used = new Set(columns.map(({ name }) => name));
  onUnused(names.filter((name) => !used.has(name)));
  return columns.map((column) => {
    const field = names.indexOf(column.name);
    if (field >= 0 || column.isOptional) return field;
    throw noColumn(path, column.name, where(column.path), names);
  });
}

export const noColumn = (path: string, column: string, where: string, names: readonly string[]): DataError =>
  new DataError(`'${path}' has no column '${column}' (${where}).`, {
    fix: `It has ${names.slice(0, 60).map(shorten).join(", ")}: columns go by name, in any order.`,
    details: { path, column, found: names.slice(0, 60) },
  });

/** Cuts records of fields. */
class CsvScanner implements RecordScanner {
  problem: RowProblem | null = null;
  lineEnds = 0;
  isQuoted = false;
  #fields = 0;
  #starts = new Int32Array(64);
  #ends = new Int32Array(64);
  #escaped = new Uint8Array(64);
  readonly #quote: number;
  readonly #separator: Uint8Array;

  /** @param names of the fields, null: there may be any number */
  constructor(
    { quote, separator }: CsvFormat,
    private readonly names: readonly string[] | null,
    private readonly fieldOf: readonly number[],
  ) {
    this.#quote = quote === null ? -1 : quote.charCodeAt(0);
    this.#separator = Buffer.from(separator);
  }

  next(bytes: Uint8Array, from: number, end: number): number {
    this.#fields = 0;
    this.lineEnds = 0;
    this.problem = null;
    const first = this.#separator[0];
    const more = this.#separator.length - 1;
    for (let at = from; ; ) {
      let start = at;
      let stop = -1;
      this.#isEscaped = false;
      if (bytes[at] === this.#quote && at < end) {
        at = this.#quoted(bytes, at, end);
        if (at < 0) return -1;
        start++;
        stop = this.#stop;
      }
      const after = at;
      while (at < end && bytes[at] !== 10 && (bytes[at] !== first || (more > 0 && !this.#isSeparator(bytes, at)))) at++;
      if (at >= end) {
        this.isQuoted = false;
        return -1;
      }
      const isEnd = bytes[at] === 10;
      let fieldEnd = at;
      if (isEnd && fieldEnd > after && bytes[fieldEnd - 1] === 13) fieldEnd--;
      if (stop >= 0 && fieldEnd > after) this.#afterQuote(bytes, start, fieldEnd);
      this.#add(start, stop >= 0 ? stop : fieldEnd);
      at += isEnd ? 1 : more + 1;
      if (isEnd) {
        this.#checkCount();
        return at;
      }
    }
  }

  /** Of the last quoted field: the end of its text, and whether it has quotes in it. */
  #stop = 0;
  #isEscaped = false;

  /** Goes through a quoted field; `#stop` is the end of its text. Returns the position after the closing quote, -1 without one. */
  #quoted(bytes: Uint8Array, open: number, end: number): number {
    const quote = this.#quote;
    let isEscaped = false;
    for (let at = open + 1; at < end; at++) {
      const byte = bytes[at];
      if (byte === quote) {
        // The byte after decides: two quotes are one in the text.
        if (at + 1 >= end) break;
        if (bytes[at + 1] !== quote) {
          this.#stop = at;
          this.#isEscaped = isEscaped;
          return at + 1;
        }
        at++;
        isEscaped = true;
      } else if (byte === 10) this.lineEnds++;
    }
    this.isQuoted = true;
    return -1;
  }

  /** Makes one quote of two, in place. Not before the record is whole: until then it may be cut again. */
  #unescape(bytes: Uint8Array, field: number): void {
    if (this.#escaped[field] === 0) return;
    let to = this.#starts[field];
    for (let at = to; at < this.#ends[field]; at++) {
      if (bytes[at] === this.#quote) at++;
      bytes[to++] = bytes[at];
    }
    this.#ends[field] = to;
    this.#escaped[field] = 0;
  }

  #afterQuote(bytes: Uint8Array, start: number, end: number): void {
    const column = this.names?.[this.#fields] ?? null;
    this.problem ??= { reason: "text-after-quote", column, found: shorten(textOf(bytes, start, end)) };
  }

  #isSeparator(bytes: Uint8Array, at: number): boolean {
    for (let i = 1; i < this.#separator.length; i++) if (bytes[at + i] !== this.#separator[i]) return false;
    return true;
  }

  #add(start: number, end: number): void {
    if (this.#fields === this.#starts.length) {
      const starts = new Int32Array(2 * this.#fields);
      const ends = new Int32Array(2 * this.#fields);
      starts.set(this.#starts);
      const escaped = new Uint8Array(2 * this.#fields);
      ends.set(this.#ends);
      escaped.set(this.#escaped);
      this.#starts = starts;
      this.#ends = ends;
      this.#escaped = escaped;
    }
    this.#starts[this.#fields] = start;
    this.#escaped[this.#fields] = this.#isEscaped ? 1 : 0;
    this.#ends[this.#fields++] = end;
  }

  #checkCount(): void {
    if (this.problem || this.names === null || this.#fields === this.names.length) return;
    const reason = this.#fields < this.names.length ? "too-few-fields" : "too-many-fields";
    this.problem = { reason, column: null, found: `${this.#fields} instead of ${this.names.length}` };
  }

  write(bytes: Uint8Array, cells: Int32Array, at: number): void {
    const { fieldOf } = this;
    for (let c = 0; c < fieldOf.length; c++) {
      const field = fieldOf[c];
      if (field >= 0) this.#unescape(bytes, field);
      const isMissing = field < 0 || this.#starts[field] === this.#ends[field];
      cells[at + 2 * c] = isMissing ? -1 : this.#starts[field];
      cells[at + 2 * c + 1] = isMissing ? -1 : this.#ends[field];
    }
  }

  /** Texts of all fields of the record. */
  texts(bytes: Uint8Array): string[] {
    return Array.from({ length: this.#fields }, (_, f) => {
      this.#unescape(bytes, f);
      return textOf(bytes, this.#starts[f], this.#ends[f]);
    });
  }
}
