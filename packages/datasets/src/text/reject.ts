import type { FieldKind, LineFormat } from "./field.js";

/** Why a line is rejected. The position in this list is the stored code; 0 is an accepted line. */
export const rejectReasons = [
  "none",
  "line-too-long",
  "nul-byte",
  "empty-line",
  "too-few-fields",
  "too-many-fields",
  "missing-value",
  "bad-label",
  "not-an-integer",
  "integer-out-of-range",
  "not-hex",
  "bad-hour",
] as const;

export type RejectReason = (typeof rejectReasons)[number];

export interface Reject {
  readonly reason: RejectReason;
  /** 1-based field at fault; 0 when it is the line. */
  readonly field: number;
  /** What was found: the number of fields, or the text of the field, shortened. */
  readonly found: string;
}

/** What a kind of field expects, for messages. */
export const expectation: Readonly<Record<FieldKind, string>> = {
  label: "0 or 1",
  count: "an integer below 2^31 or nothing",
  "hex-or-missing": "1 to 8 hex digits or nothing",
  hex: "1 to 8 hex digits",
  integer: "an integer from -2^31 to 2^31 - 1",
  natural: "an integer from 0 to 2^31 - 1",
  hour: "YYMMDDHH",
  skipped: "any text",
};

const excerptBytes = 40;

/** Text of a field for messages: at most 40 bytes, what does not print as escapes. */
export function excerpt(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < Math.min(end, start + excerptBytes); i++) {
    const byte = bytes[i];
    text += byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return end - start > excerptBytes ? `${text}...` : text;
}

/**
 * Why the bytes `[start, end)` are no line of the format, null when they are one. In this order: a NUL byte, nothing at all,
 * the number of fields, then the first bad field from the left.
 */
export function rejectOf(format: LineFormat, bytes: Uint8Array, start: number, end: number): Reject | null {
  const nul = bytes.subarray(start, end).indexOf(0);
  if (nul >= 0) return { reason: "nul-byte", field: 0, found: `NUL at byte ${nul + 1} of the line` };
  if (start === end) return { reason: "empty-line", field: 0, found: "" };
  const delimiter = format.delimiter.charCodeAt(0);
  const starts = [start];
  for (let i = start; i < end; i++) if (bytes[i] === delimiter) starts.push(i + 1);
  const { fields } = format;
  if (starts.length !== fields.length) {
    const reason = starts.length < fields.length ? "too-few-fields" : "too-many-fields";
    return { reason, field: 0, found: `${starts.length}` };
  }
  for (const [f, { kind }] of fields.entries()) {
    const stop = f + 1 < starts.length ? starts[f + 1] - 1 : end;
    const reason = checks[kind](bytes, starts[f], stop);
    if (reason) return { reason, field: f + 1, found: excerpt(bytes, starts[f], stop) };
  }
  return null;
}

type Check = (bytes: Uint8Array, start: number, end: number) => RejectReason | null;

const isDigit = (byte: number) => byte >= 48 && byte <= 57;
const isHex = (byte: number) => isDigit(byte) || (byte >= 97 && byte <= 102) || (byte >= 65 && byte <= 70);

const all = (test: (byte: number) => boolean, bytes: Uint8Array, start: number, end: number): boolean => {
  for (let i = start; i < end; i++) if (!test(bytes[i])) return false;
  return true;
};

/** Where the digits of a number end: before its point, when nothing but zeros follow that. */
const wholeEnd = (bytes: Uint8Array, start: number, end: number): number => {
  const point = bytes.subarray(start, end).indexOf(46) + start;
  return point >= start && point + 1 < end && all((byte) => byte === 48, bytes, point + 1, end) ? point : end;
};

const integer =
  (low: number): Check =>
  (bytes, start, end) => {
    if (start === end) return "missing-value";
    const digits = bytes[start] === 45 ? start + 1 : start;
    const stop = wholeEnd(bytes, digits, end);
    if (digits === stop || !all(isDigit, bytes, digits, stop)) return "not-an-integer";
    let value = 0;
    for (let i = digits; i < stop; i++) value = value * 10 + bytes[i] - 48;
    if (digits > start) value = -value;
    return value >= low && value <= 2147483647 ? null : "integer-out-of-range";
  };

const hex: Check = (bytes, start, end) =>
  start === end ? "missing-value" : end - start > 8 || !all(isHex, bytes, start, end) ? "not-hex" : null;

const orMissing =
  (check: Check): Check =>
  (bytes, start, end) =>
    start === end ? null : check(bytes, start, end);

const isHour = (bytes: Uint8Array, start: number, end: number): boolean => {
  if (end - start !== 8 || !all(isDigit, bytes, start, end)) return false;
  const two = (at: number) => (bytes[start + at] - 48) * 10 + bytes[start + at + 1] - 48;
  return two(2) >= 1 && two(2) <= 12 && two(4) >= 1 && two(4) <= 31 && two(6) <= 23;
};

const checks: Readonly<Record<FieldKind, Check>> = {
  label: (bytes, start, end) =>
    wholeEnd(bytes, start, end) - start === 1 && (bytes[start] | 1) === 49 ? null : "bad-label",
  count: orMissing(integer(-2147483648)),
  "hex-or-missing": orMissing(hex),
  hex,
  integer: integer(-2147483648),
  natural: integer(0),
  hour: (bytes, start, end) => (isHour(bytes, start, end) ? null : "bad-hour"),
  skipped: () => null,
};
