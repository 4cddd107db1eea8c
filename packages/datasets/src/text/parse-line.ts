import type { FieldKind, LineFormat } from "./field.js";

/**
 * A line format made ready for the inner loop: parses the line `[start, end)` into `rows` from word `at` on, one word per kept
 * field; false when it is malformed, with some of the words then overwritten.
 */
export type LineParser = (bytes: Uint8Array, start: number, end: number, rows: Int32Array, at: number) => boolean;

const kinds: readonly FieldKind[] = [
  "label",
  "count",
  "hex-or-missing",
  "hex",
  "integer",
  "natural",
  "hour",
  "identifier",
  "action",
];
const label = 0;
const count = 1;
const hexOrMissing = 2;
const hex = 3;
const integer = 4;
const natural = 5;
const hour = 6;
const identifier = 7;

/** 0 .. 15 for the bytes of hex digits, 64 for all others. */
const hexDigits = Uint8Array.from({ length: 256 }, (_, byte) => {
  const digit = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(digit) ? 64 : digit;
});

/**
 * Makes the parser of a format. It looks at every byte once and only says yes or no; `rejectOf` says why not. The two must
 * agree on every line.
 */
export function lineParser(format: LineFormat): LineParser {
  const codes = Uint8Array.from(format.fields, ({ kind }) => kinds.indexOf(kind));
  const delimiter = format.delimiter.charCodeAt(0);
  const last = codes.length - 1;

  return (bytes, start, end, rows, at) => {
    let p = start;
    let word = at;
    for (let field = 0; field <= last; field++) {
      const code = codes[field];
      if (code === hexOrMissing || code === hex) {
        if (p + 8 <= end && bytes[p] !== delimiter) {
          const a = hexDigits[bytes[p]];
          const b = hexDigits[bytes[p + 1]];
          const c = hexDigits[bytes[p + 2]];
          const d = hexDigits[bytes[p + 3]];
          const e = hexDigits[bytes[p + 4]];
          const f = hexDigits[bytes[p + 5]];
          const g = hexDigits[bytes[p + 6]];
          const h = hexDigits[bytes[p + 7]];
          if ((a | b | c | d | e | f | g | h) < 64) {
            rows[word++] = (a << 28) | (b << 24) | (c << 20) | (d << 16) | (e << 12) | (f << 8) | (g << 4) | h;
            p += 8;
            if (field < last) {
              if (p >= end || bytes[p] !== delimiter) return false;
              p++;
            }
            continue;
          }
        }
        let value = 0;
        let q = p;
        for (const stop = Math.min(p + 8, end); q < stop; q++) {
          const digit = hexDigits[bytes[q]];
          if (digit === 64) break;
          value = (value << 4) | digit;
        }
        if (q === p && code === hex) return false;
        rows[word++] = value;
        p = q;
      } else if (code === count || code === integer || code === natural) {
        if (p < end && bytes[p] !== delimiter) {
          const isNegative = bytes[p] === 45;
          if (isNegative) p++;
          const first = p;
          let small = 0;
          for (const stop = Math.min(p + 9, end); p < stop; p++) {
            const digit = bytes[p] - 48;
            if (digit < 0 || digit > 9) break;
            small = (small * 10 + digit) | 0;
          }
          if (p === first) return false;
          let value = small;
          for (; p < end; p++) {
            const digit = bytes[p] - 48;
            if (digit < 0 || digit > 9) break;
            value = value * 10 + digit;
          }
          if (isNegative) value = -value;
          if (value > 2147483647 || value < (code === natural ? 0 : -2147483648)) return false;
          rows[word++] = code === count && value < 0 ? 0 : value | 0;
        } else {
          if (code !== count) return false;
          rows[word++] = 0;
        }
      } else if (code === label) {
        if (p === end || (bytes[p] | 1) !== 49) return false;
        rows[word++] = bytes[p++] - 48;
      } else if (code === identifier) {
        const first = p;
        while (p < end && bytes[p] >= 48 && bytes[p] <= 57) p++;
        if (p === first || p - first > 20) return false;
      } else if (code === hour) {
        const value = hourOf(bytes, p, end);
        if (value < 0) return false;
        rows[word++] = value;
        p += 8;
      } else {
        const length = actionLength(bytes, p, end);
        if (length === 0) return false;
        p += length;
      }
      if (field < last) {
        if (p >= end || bytes[p] !== delimiter) return false;
        p++;
      }
    }
    return p === end;
  };
}

/** Hour of `YYMMDDHH` at `p`, -1 when it is not one. */
function hourOf(bytes: Uint8Array, p: number, end: number): number {
  if (p + 8 > end) return -1;
  for (let i = 0; i < 8; i++) if (bytes[p + i] < 48 || bytes[p + i] > 57) return -1;
  const month = (bytes[p + 2] - 48) * 10 + bytes[p + 3] - 48;
  const day = (bytes[p + 4] - 48) * 10 + bytes[p + 5] - 48;
  const value = (bytes[p + 6] - 48) * 10 + bytes[p + 7] - 48;
  return month >= 1 && month <= 12 && day >= 1 && day <= 31 && value <= 23 ? value : -1;
}

/** Bytes of the action word at `p`: pv, fav, buy, cart; 0 when it is none of them. */
function actionLength(bytes: Uint8Array, p: number, end: number): number {
  const left = end - p;
  if (left >= 2 && bytes[p] === 112 && bytes[p + 1] === 118) return 2;
  if (left >= 3 && bytes[p] === 102 && bytes[p + 1] === 97 && bytes[p + 2] === 118) return 3;
  if (left >= 3 && bytes[p] === 98 && bytes[p + 1] === 117 && bytes[p + 2] === 121) return 3;
  if (left >= 4 && bytes[p] === 99 && bytes[p + 1] === 97 && bytes[p + 2] === 114 && bytes[p + 3] === 116) return 4;
  return 0;
}
