import { isUtf8 } from "node:buffer";
import type { ReadOptions, RowBlock, RowProblem } from "./row-block.js";

/** Cuts one record, a line as a rule, out of a text. */
export interface RecordScanner {
  /**
   * Position after the record that begins at `at` and its line end; -1 when it does not end before `end`. Then `problem`,
   * `lineEnds` and the cells are those of the record.
   */
  next(bytes: Uint8Array, at: number, end: number): number;
  /** Why the record is not a row. */
  problem: RowProblem | null;
  /** Line ends inside the record. */
  lineEnds: number;
  /** Whether the record that did not end is inside a quote. */
  isQuoted: boolean;
  /** Puts the cells of the record at `at`. May change the bytes of the record. */
  write(bytes: Uint8Array, cells: Int32Array, at: number): void;
}

/** A longer record is not a row: most likely a quote never closes. */
const mostRecordBytes = 1 << 20;
const newline = 10;
const none = new Uint8Array(0);

/**
 * Rows of a text, a block for each piece of it. A quote that never closes rejects the line where it opens, and the lines after
 * it are read as if it were not there.
 */
export async function* textRows(
  pieces: AsyncIterable<Uint8Array>,
  scanner: RecordScanner,
  options: ReadOptions,
  start: { readonly rest: Uint8Array; readonly line: number; readonly offset: number },
): AsyncGenerator<RowBlock> {
  const cutter = new Cutter(scanner, options, start.line, start.offset);
  let rest: Uint8Array = none;
  for await (const piece of startingWith(start.rest, pieces)) {
    const bytes = joined(rest, piece);
    const { block, used } = cutter.cut(bytes, false);
    yield block; // without rows too: whoever reads may give up
    rest = bytes.subarray(used);
  }
  if (rest.length === 0) return;
  const bytes = rest[rest.length - 1] === newline ? rest.slice() : joined(rest, Uint8Array.of(newline));
  const { block } = cutter.cut(bytes, true);
  yield block;
}

async function* startingWith(first: Uint8Array, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  yield* pieces;
}

export function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

class Cutter {
  /** The rest of a line that was too long is passed over. */
  #isSkipping = false;
  /** Empty lines that are no fault where the file ends with them. */
  #empty: { row: number; offset: number }[] = [];

  constructor(
    private readonly scanner: RecordScanner,
    private readonly options: ReadOptions,
    private line: number,
    private offset: number,
  ) {}

  /** @returns the rows in `bytes`, and how many bytes were used up. */
  cut(bytes: Uint8Array, isLast: boolean): { block: RowBlock; used: number } {
    const { scanner, options } = this;
    const width = 2 * options.columns.length;
    const rows = new BlockRows(width);
    const mayHold = { nul: bytes.includes(0), invalid: !isUtf8(bytes) };
    let at = 0;
    while (at < bytes.length) {
      if (this.#isSkipping) {
        at = this.#skipLine(bytes, at);
        continue;
      }
      const next = scanner.next(bytes, at, bytes.length);
      const isTooLong = next < 0 ? isLast || bytes.length - at > mostRecordBytes : next - at > mostRecordBytes;
      if (isTooLong) {
        this.#tooLong(at, next < 0 ? scanner.isQuoted : scanner.lineEnds > 0);
        at = this.#skipLine(bytes, at);
        continue;
      }
      if (next < 0) break;
      this.#record(bytes, at, next, rows, mayHold);
      options.facts.rows++;
      // A quote that closes lines later, in the wrong place, opened in the wrong place: the lines after it are read.
      if (scanner.problem && scanner.lineEnds > 0) {
        at = this.#skipLine(bytes, at);
        continue;
      }
      this.line += 1 + scanner.lineEnds;
      at = next;
    }
    this.offset += at;
    return { block: rows.block(bytes), used: at };
  }

  #record(
    bytes: Uint8Array,
    at: number,
    next: number,
    rows: BlockRows,
    mayHold: { readonly nul: boolean; readonly invalid: boolean },
  ): void {
    const { scanner, options } = this;
    const isCrlf = next - at > 1 && bytes[next - 2] === 13;
    if (isCrlf) options.facts.crlf++;
    const row = this.line;
    const offset = this.offset + at;
    if (next - at === 1 || (isCrlf && next - at === 2)) {
      this.#empty.push({ row, offset });
      if (this.#empty.length > 1000) this.#rejectEmpty();
      return;
    }
    this.#rejectEmpty();
    const bad = mayHold.nul || mayHold.invalid ? badBytes(bytes.subarray(at, next)) : null;
    const problem = bad ?? scanner.problem;
    if (problem) options.onReject({ row, offset, ...problem });
    else {
      const place = rows.add(row, offset); // first: `cells` may grow
      scanner.write(bytes, rows.cells, place);
    }
  }

  #rejectEmpty(): void {
    for (const line of this.#empty) this.options.onReject({ ...line, reason: "empty-line", column: null, found: "" });
    this.#empty = [];
  }

  #tooLong(at: number, isQuoted: boolean): void {
    const reason = isQuoted ? "unclosed-quote" : "line-too-long";
    this.options.onReject({ row: this.line, offset: this.offset + at, reason, column: null, found: "" });
    this.options.facts.rows++;
  }

  #skipLine(bytes: Uint8Array, at: number): number {
    const lineEnd = bytes.indexOf(newline, at);
    this.#isSkipping = lineEnd < 0;
    if (lineEnd < 0) return bytes.length;
    this.line++;
    return lineEnd + 1;
  }
}

function badBytes(record: Uint8Array): RowProblem | null {
  const nul = record.indexOf(0);
  if (nul >= 0) return { reason: "nul-byte", column: null, found: `NUL at byte ${nul + 1} of the line` };
  return isUtf8(record) ? null : { reason: "not-utf8", column: null, found: "" };
}

/** Rows of a block while it grows. */
export class BlockRows {
  cells: Int32Array;
  #numbers = new Float64Array(512);
  #offsets = new Float64Array(512);
  #rows = 0;

  /** @param width words of `cells` a row takes */
  constructor(private readonly width: number) {
    this.cells = new Int32Array(512 * width);
  }

  /** Makes room for a row; returns where its cells begin. */
  add(number: number, offset: number): number {
    const row = this.#rows++;
    if (row === this.#numbers.length) {
      this.cells = grown(this.cells, new Int32Array(2 * this.cells.length));
      this.#numbers = grown(this.#numbers, new Float64Array(2 * row));
      this.#offsets = grown(this.#offsets, new Float64Array(2 * row));
    }
    this.#numbers[row] = number;
    this.#offsets[row] = offset;
    return row * this.width;
  }

  block(bytes: Uint8Array, hasOffsets = true): RowBlock {
    const offsets = hasOffsets ? this.#offsets : null;
    return { rows: this.#rows, bytes, cells: this.cells, numbers: this.#numbers, offsets };
  }
}

function grown<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** The first record of a text, and what follows it; null for an empty text. */
export async function firstPieces(pieces: AsyncIterator<Uint8Array>, isWhole: (bytes: Uint8Array) => boolean) {
  let bytes: Uint8Array = none;
  for (;;) {
    const { value, done } = await pieces.next();
    if (done) return { bytes, isEnd: true };
    bytes = joined(bytes, value);
    if (isWhole(bytes) || bytes.length > mostRecordBytes) return { bytes, isEnd: false };
  }
}
