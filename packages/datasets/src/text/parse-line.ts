import type { FieldKind, LineFormat } from "./field.js";

/**
 * A line format made ready for the inner loop: parses the line `[start, end)` into `rows`, one word per kept field, the first
 * at `at`; false when it is malformed, with some of the words then overwritten.
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
  "skipped",
];
const label = 0;
const count = 1;
const hexOrMissing = 2;
const hex = 3;
const integer = 4;
const natural = 5;
const hourOfDay = 6;

/** The decimal point. */
const point = 46;

/** 0 .. 15 for the bytes of hex digits, 64 for all others. */
const hexDigits = Uint8Array.from({ length: 256 }, (_, byte) => {
  const digit = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(digit) ? 64 : digit;
});

/** Value of two hex digits in a row, by their bytes as a little-endian uint16; negative when one is none. */
const hexPairs = Int16Array.from({ length: 65536 }, (_, pair) => {
  const value = (hexDigits[pair & 255] << 4) | hexDigits[pair >>> 8];
  return value < 256 && hexDigits[pair >>> 8] < 16 ? value : -1;
});

/**
 * Makes the parser of a format, which leaves `step` words from one kept field to the next. It only says yes or no; `rejectOf`
 * says why not. The two must agree on every line.
 *
 * @param hour gets the whole hour, YYMMDDHH, of every line that has one.
 */
export function lineParser(format: LineFormat, step = 1, hour = new Int32Array(1)): LineParser {
  const codes = Uint8Array.from(format.fields, ({ kind }) => kinds.indexOf(kind));
  const delimiter = format.delimiter.charCodeAt(0);
  const delimiters = Math.imul(delimiter, 0x01010101);
  const last = codes.length - 1;
  // The first field of another kind; the last field, with no delimiter behind it, stands alone.
  const runEnds = codes.map((code, field) => {
    const other = codes.findIndex((next, i) => i > field && next !== code);
    return other < 0 ? last : other;
  });
  let viewed: Uint8Array | null = null;
  let view: DataView = new DataView(new ArrayBuffer(0));

  return (bytes, start, end, rows, at) => {
    if (bytes !== viewed) {
      view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      viewed = bytes;
    }
    let p = start;
    let word = at;
    let field = 0;
    for (;;) {
      const code = codes[field];
      const runEnd = runEnds[field];
      if (code === hexOrMissing || code === hex) {
        while (field < runEnd && p + 8 < end) {
          const early = view.getInt32(p, true);
          const late = view.getInt32(p + 4, true);
          const a = hexPairs[early & 0xffff];
          const b = hexPairs[early >>> 16];
          const c = hexPairs[late & 0xffff];
          const d = hexPairs[late >>> 16];
          if ((a | b | c | d) >= 0) {
            if (bytes[p + 8] !== delimiter) return false;
            rows[word] = (a << 24) | (b << 16) | (c << 8) | d;
            p += 9;
          } else if ((early & 255) === delimiter && code === hexOrMissing) {
            rows[word] = 0;
            p++;
          } else break;
          word += step;
          field++;
        }
        if (codes[field] !== code) continue;
        let value = 0;
        let q = p;
        for (const stop = Math.min(p + 8, end); q < stop; q++) {
          const digit = hexDigits[bytes[q]];
          if (digit === 64) break;
          value = (value << 4) | digit;
        }
        if (q === p && code === hex) return false;
        rows[word] = value;
        word += step;
        p = q;
      } else if (code === count || code === integer || code === natural) {
        // Up to three digits and the delimiter lie in four bytes: then no branch hangs on how many digits there are.
        while (field < runEnd && p + 4 <= end) {
          const four = view.getInt32(p, true);
          const apart = four ^ delimiters;
          const found = (apart - 0x01010101) & ~apart & 0x80808080;
          const bits = 24 - Math.clz32(found & -found);
          const digits = ((four ^ 0x30303030) << 8) << (24 - bits);
          if (found === 0 || (((digits + 0x06060606) | digits) & 0xf0f0f0f0) !== 0) break;
          if (bits === 0 && code !== count) return false;
          const pairs = (digits & 0x000f000f) * 10 + ((digits >>> 8) & 0x000f000f);
          rows[word] = (pairs & 0xffff) * 100 + (pairs >>> 16);
          p += (bits >>> 3) + 1;
          word += step;
          field++;
        }
        if (codes[field] !== code) continue;
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
          if (p < end && bytes[p] === point) {
            p = afterZeros(bytes, p + 1, end);
            if (p < 0) return false;
          }
          if (isNegative) value = -value;
          if (value > 2147483647 || value < (code === natural ? 0 : -2147483648)) return false;
          rows[word] = code === count && value < 0 ? 0 : value | 0;
        } else {
          if (code !== count) return false;
          rows[word] = 0;
        }
        word += step;
      } else if (code === label) {
        if (p === end || (bytes[p] | 1) !== 49) return false;
        rows[word] = bytes[p++] - 48;
        word += step;
        if (p < end && bytes[p] === point) {
          p = afterZeros(bytes, p + 1, end);
          if (p < 0) return false;
        }
      } else if (code === hourOfDay) {
        const value = hourOf(bytes, p, end);
        if (value < 0) return false;
        hour[0] = value;
        rows[word] = value % 100;
        word += step;
        p += 8;
      } else {
        for (; p < end && bytes[p] !== delimiter; p++) if (bytes[p] === 0) return false;
      }
      if (field === last) return p === end;
      if (p >= end || bytes[p] !== delimiter) return false;
      p++;
      field++;
    }
  };
}

/** The number `YYMMDDHH` at `p`, -1 when it is not one. */
function hourOf(bytes: Uint8Array, p: number, end: number): number {
  if (p + 8 > end) return -1;
  let value = 0;
  for (let i = 0; i < 8; i++) {
    const digit = bytes[p + i] - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  const month = (bytes[p + 2] - 48) * 10 + bytes[p + 3] - 48;
  const day = (bytes[p + 4] - 48) * 10 + bytes[p + 5] - 48;
  return month >= 1 && month <= 12 && day >= 1 && day <= 31 && value % 100 <= 23 ? value : -1;
}

/** Where the zeros at `p` end; -1 when there are none. */
function afterZeros(bytes: Uint8Array, p: number, end: number): number {
  let q = p;
  while (q < end && bytes[q] === 48) q++;
  return q > p ? q : -1;
}
