import { noColumn } from "./csv.js";
import type { ReadColumn, ReadOptions, RowBlock, RowProblem } from "./row-block.js";
import { listSeparator, shorten, textOf } from "./row-block.js";
import { type RecordScanner, textRows } from "./text-rows.js";

/**
 * Rows of JSON lines: an object a line. Numbers are kept as they are written, so that integers of 64 bits and more stay whole.
 * @throws DataError for a column that no line of the file has
 */
export async function* jsonlRows(pieces: AsyncIterable<Uint8Array>, options: ReadOptions): AsyncGenerator<RowBlock> {
  const scanner = new JsonScanner(options.columns);
  yield* textRows(pieces, scanner, options, { rest: new Uint8Array(0), line: 1, offset: 0 });
  const { path, columns, where, onUnused } = options;
  onUnused([...scanner.unused]);
  if (scanner.objects === 0) return;
  for (const [c, column] of columns.entries()) {
    if (scanner.isSeen[c] || column.isOptional) continue;
    const known = columns.flatMap(({ name }, i) => (scanner.isSeen[i] ? [name] : []));
    throw noColumn(path, column.name, where(column.path), [...known, ...scanner.unused]);
  }
}

const byteOf = (character: string): number => character.charCodeAt(0);
const [quote, backslash, colon, comma] = ['"', "\\", ":", ","].map(byteOf);
const [openList, closeList, openObject, closeObject] = ["[", "]", "{", "}"].map(byteOf);
const newline = 10;
const mostUnused = 1000;

interface MemberName {
  readonly bytes: Uint8Array;
  /** Columns that the member is read for; undefined for none. */
  readonly columns: readonly number[] | undefined;
}

/** Whether a text is an integer without a sign: the usual number, known at a glance. */
function isNatural(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end || (bytes[start] === 48 && end - start > 1)) return false;
  for (let at = start; at < end; at++) if (bytes[at] < 48 || bytes[at] > 57) return false;
  return true;
}

function isSame(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[start + i]) return false;
  return true;
}

/** A text that breaks the rules of JSON. */
class Broken extends Error {}

/** Cuts objects into the texts of their values. */
class JsonScanner implements RecordScanner {
  problem: RowProblem | null = null;
  readonly lineEnds = 0;
  readonly isQuoted = false;
  objects = 0;
  readonly isSeen: boolean[];
  readonly unused = new Set<string>();
  readonly #columnsOf = new Map<string, number[]>();
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  readonly #names: MemberName[] = [];
  #members = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;

  constructor(private readonly columns: readonly ReadColumn[]) {
    this.isSeen = columns.map(() => false);
    this.#starts = new Int32Array(columns.length);
    this.#ends = new Int32Array(columns.length);
    for (const [c, { name }] of columns.entries()) this.#columnsOf.set(name, [...(this.#columnsOf.get(name) ?? []), c]);
  }

  next(bytes: Uint8Array, from: number, end: number): number {
    const lineEnd = bytes.indexOf(newline, from);
    if (lineEnd < 0 || lineEnd >= end) return -1;
    this.problem = null;
    this.#starts.fill(-1);
    this.#ends.fill(-1);
    this.#bytes = bytes;
    this.#at = from;
    this.#end = lineEnd;
    try {
      this.#object();
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      const found = shorten(textOf(bytes, from, lineEnd));
      this.problem = { reason: "not-json", column: null, found };
    }
    this.objects++;
    return lineEnd + 1;
  }

  write(_bytes: Uint8Array, cells: Int32Array, at: number): void {
    for (let c = 0; c < this.#starts.length; c++) {
      const isMissing = this.#starts[c] < 0 || (this.#starts[c] === this.#ends[c] && !this.columns[c].isList);
      cells[at + 2 * c] = isMissing ? -1 : this.#starts[c];
      cells[at + 2 * c + 1] = isMissing ? -1 : this.#ends[c];
    }
  }

  #object(): void {
    this.#expect(openObject);
    this.#members = 0;
    if (this.#peek() === closeObject) this.#at++;
    else {
      for (let next = comma; next !== closeObject; this.#at++) {
        if (next !== comma) throw new Broken();
        this.#member();
        next = this.#peek();
      }
    }
    if (this.#skipSpace() >= 0) throw new Broken();
  }

  #member(): void {
    const { columns } = this.#nameAt(this.#members++, this.#string());
    this.#expect(colon);
    if (columns) this.#take(columns);
    else this.#skipValue();
  }

  /** The name of a member: as a rule the one that stood at this place in the object before. */
  #nameAt(place: number, [start, end]: readonly [number, number]): MemberName {
    const before = this.#names[place];
    if (before && isSame(before.bytes, this.#bytes, start, end)) return before;
    const text = textOf(this.#bytes, start, end);
    const columns = this.#columnsOf.get(text);
    if (columns === undefined && this.unused.size < mostUnused) this.unused.add(text);
    const found = { bytes: new Uint8Array(this.#bytes.subarray(start, end)), columns }; // a slice of a Buffer would not be a copy
    if (place < mostUnused) this.#names[place] = found;
    return found;
  }

  /** Reads a value into the columns of its name. */
  #take(wanted: readonly number[]): void {
    const first = this.#peek();
    const from = this.#at;
    const isList = first === openList;
    const [start, end] = isList ? this.#list(wanted) : first === openObject ? [-2, -2] : this.#scalar();
    if (start === -2) this.#skipValue();
    for (const c of wanted) {
      this.isSeen[c] = true;
      const { name } = this.columns[c];
      const found = () => shorten(textOf(this.#bytes, from, this.#at));
      if (start === -2) this.problem ??= { reason: "nested-value", column: name, found: found() };
      else if (isList && !this.columns[c].isList)
        this.problem ??= { reason: "not-one-value", column: name, found: found() };
      else if (!isList && start >= 0 && this.columns[c].isList)
        this.problem ??= { reason: "not-a-list", column: name, found: found() };
      this.#starts[c] = start;
      this.#ends[c] = end;
    }
  }

  /** Text of a list: its values with separators between, moved to its beginning. */
  #list(wanted: readonly number[]): [number, number] {
    const bytes = this.#bytes;
    const from = this.#at++;
    let to = from;
    if (this.#peek() === closeList) {
      this.#at++;
      return [from, from];
    }
    for (let i = 0; ; i++) {
      const first = this.#peek();
      if (first === openList || first === openObject) {
        const { name } = this.columns[wanted[0]];
        this.problem ??= { reason: "nested-value", column: name, found: "a list in a list" };
        this.#skipValue();
      } else {
        const [start, end] = this.#scalar();
        if (i > 0) bytes[to++] = listSeparator;
        if (start >= 0) {
          this.#checkElement(wanted[0], start, end);
          bytes.copyWithin(to, start, end);
          to += end - start;
        }
      }
      const next = this.#peek();
      this.#at++;
      if (next === closeList) break;
      if (next !== comma) throw new Broken();
    }
    return [from, to];
  }

  #checkElement(c: number, start: number, end: number): void {
    if (!this.#bytes.subarray(start, end).includes(listSeparator)) return;
    const found = shorten(textOf(this.#bytes, start, end));
    this.problem ??= { reason: "control-character", column: this.columns[c].name, found };
  }

  /** Text of a string, number or boolean; -1 -1 for null. */
  #scalar(): [number, number] {
    if (this.#peek() === quote) return this.#string();
    const start = this.#at;
    const bytes = this.#bytes;
    for (; this.#at < this.#end; this.#at++) {
      const byte = bytes[this.#at];
      if (byte === comma || byte === closeList || byte === closeObject || byte <= 32) break;
    }
    if (isNatural(bytes, start, this.#at)) return [start, this.#at];
    const text = textOf(bytes, start, this.#at);
    if (text === "null") return [-1, -1];
    if (!/^(?:true|false|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|NaN|-?Infinity)$/.test(text)) throw new Broken();
    return [start, this.#at];
  }

  /** Text of a string, its escapes replaced in place. */
  #string(): [number, number] {
    const bytes = this.#bytes;
    this.#expect(quote);
    const start = this.#at;
    let to = start;
    for (; this.#at < this.#end; ) {
      const byte = bytes[this.#at++];
      if (byte === quote) return [start, to];
      if (byte < 32) throw new Broken();
      if (byte === backslash) to = this.#escape(to);
      else bytes[to++] = byte;
    }
    throw new Broken();
  }

  #escape(to: number): number {
    const bytes = this.#bytes;
    const kind = String.fromCharCode(bytes[this.#at++]);
    const plain = escapes[kind];
    if (plain !== undefined) {
      bytes[to] = plain;
      return to + 1;
    }
    if (kind !== "u") throw new Broken();
    let text = this.#unit();
    const isHigh = text >= 0xd800 && text < 0xdc00;
    if (isHigh && bytes[this.#at] === backslash && bytes[this.#at + 1] === byteOf("u")) {
      this.#at += 2;
      const low = this.#unit();
      if (low < 0xdc00 || low > 0xdfff) throw new Broken();
      text = 0x10000 + ((text - 0xd800) << 10) + (low - 0xdc00);
    } else if (text >= 0xd800 && text < 0xe000) throw new Broken();
    const encoded = Buffer.from(String.fromCodePoint(text));
    bytes.set(encoded, to);
    return to + encoded.length;
  }

  #unit(): number {
    const digits = textOf(this.#bytes, this.#at, this.#at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new Broken();
    this.#at += 4;
    return Number.parseInt(digits, 16);
  }

  #skipValue(): void {
    const first = this.#peek();
    if (first !== openList && first !== openObject) {
      this.#scalar();
      return;
    }
    let depth = 0;
    for (; this.#at < this.#end; ) {
      const byte = this.#bytes[this.#at];
      if (byte === quote) {
        this.#string();
        continue;
      }
      this.#at++;
      if (byte === openList || byte === openObject) depth++;
      else if ((byte === closeList || byte === closeObject) && --depth === 0) return;
    }
    throw new Broken();
  }

  /** Next byte that is not a space, -1 at the end of the line. */
  #skipSpace(): number {
    while (this.#at < this.#end && this.#bytes[this.#at] <= 32) this.#at++;
    return this.#at < this.#end ? this.#bytes[this.#at] : -1;
  }

  #peek(): number {
    const byte = this.#skipSpace();
    if (byte < 0) throw new Broken();
    return byte;
  }

  #expect(byte: number): void {
    if (this.#peek() !== byte) throw new Broken();
    this.#at++;
  }
}

const escapes: Readonly<Record<string, number | undefined>> = {
  '"': quote,
  "\\": backslash,
  "/": byteOf("/"),
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
};
