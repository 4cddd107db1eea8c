import type { RawFormat } from "../../src/raw-format.js";
import type { Field, FieldKind } from "../../src/text/field.js";

/** What a line of a raw log must give, worked out the slow way: split strings, regular expressions, BigInt. */
export interface OracleLine {
  /** 1-based. */
  readonly line: number;
  readonly offset: number;
  /** Words of an accepted line, else null. */
  readonly words: readonly number[] | null;
  readonly reason: string | null;
  /** 1-based field at fault, 0 for the line. */
  readonly field: number;
}

export interface OracleText {
  readonly lines: readonly OracleLine[];
  /** Lines, a header included. */
  readonly total: number;
  readonly crlf: number;
}

export function oracleText(format: RawFormat, bytes: Buffer, maxLineBytes = 65536): OracleText {
  const text = bytes.toString("latin1");
  const pieces = text.split("\n");
  if (pieces.at(-1) === "") pieces.pop();
  const lines: OracleLine[] = [];
  let offset = 0;
  let crlf = 0;
  for (const [i, piece] of pieces.entries()) {
    const isCrlf = piece.endsWith("\r");
    const bare = isCrlf ? piece.slice(0, -1) : piece;
    const line = offset === 0 ? bare.replace(/^\xef\xbb\xbf/, "") : bare;
    const isLong = line.length > maxLineBytes;
    if (isCrlf && !isLong) crlf++;
    const at = { line: i + 1, offset };
    offset += piece.length + 1;
    if (isLong) lines.push({ ...at, words: null, reason: "line-too-long", field: 0 });
    else if (at.offset === 0 && namesColumns(format, line)) continue;
    else lines.push({ ...at, ...oracleLine(format, line) });
  }
  return { lines, total: pieces.length, crlf };
}

/** Whether a first line names the columns: all fields begin with a letter, or are 0, 1, 2 ... or 1, 2, 3 ... */
function namesColumns({ line: { delimiter } }: RawFormat, line: string): boolean {
  const word = `"?[A-Za-z_][^${delimiter}]*`;
  if (new RegExp(`^${word}(${delimiter}${word})+$`, "s").test(line)) return true;
  const { length } = line.split(delimiter);
  return length > 1 && [0, 1].some((from) => line === Array.from({ length }, (_, i) => i + from).join(delimiter));
}

export function oracleLine(format: RawFormat, line: string): Pick<OracleLine, "words" | "reason" | "field"> {
  const rejected = (reason: string, field = 0) => ({ words: null, reason, field });
  if (line.includes("\0")) return rejected("nul-byte");
  if (line === "") return rejected("empty-line");
  const { fields, delimiter } = format.line;
  const values = line.split(delimiter);
  if (values.length < fields.length) return rejected("too-few-fields");
  if (values.length > fields.length) return rejected("too-many-fields");
  const words: number[] = [];
  for (const [f, field] of fields.entries()) {
    const value = oracleValue(field, values[f]);
    if (typeof value === "string") return rejected(value, f + 1);
    if (value !== null) words.push(value);
  }
  return { words, reason: null, field: 0 };
}

/** The word of a field, null when it leaves none, a reason when it is malformed. */
function oracleValue({ kind }: Field, text: string): number | null | string {
  return values[kind](text);
}

const integer = (text: string, low: bigint): number | string => {
  if (text === "") return "missing-value";
  if (!/^-?[0-9]+(\.0+)?$/.test(text)) return "not-an-integer";
  const value = BigInt(text.replace(/\..*/, ""));
  return value >= low && value <= 2147483647n ? Number(value) : "integer-out-of-range";
};

const hex = (text: string): number | string => {
  if (text === "") return "missing-value";
  return /^[0-9a-fA-F]{1,8}$/.test(text) ? Number(BigInt.asIntN(32, BigInt(`0x${text}`))) : "not-hex";
};

const values: Readonly<Record<FieldKind, (text: string) => number | null | string>> = {
  label: (text) => (/^[01](\.0+)?$/.test(text) ? Number(text) : "bad-label"),
  count(text) {
    const value = text === "" ? 0 : integer(text, -2147483648n);
    return typeof value === "number" ? Math.max(0, value) : value;
  },
  "hex-or-missing": (text) => (text === "" ? 0 : hex(text)),
  hex,
  integer: (text) => integer(text, -2147483648n),
  natural: (text) => integer(text, 0n),
  hour: (text) =>
    /^\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])$/.test(text) ? Number(text.slice(6)) : "bad-hour",
  skipped: () => null,
};

/** Ids by first appearance, per table, of the accepted lines' keys. */
export function oracleIds(format: RawFormat, rows: readonly (readonly number[])[], modulo = 0) {
  const keys = format.tables.map(() => new Map<number, number>());
  const ids = rows.map((words) =>
    keys.map((known, t) => {
      const raw = words[format.keysAt + t];
      const key = modulo > 0 ? (raw >>> 0) % modulo : raw;
      if (!known.has(key)) known.set(key, known.size);
      return known.get(key) as number;
    }),
  );
  return { ids, vocabularies: keys.map((known) => [...known.keys()]) };
}
