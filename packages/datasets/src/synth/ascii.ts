/** Hand-written number output: each function writes at `at` and returns the position behind. */

const zero = 48;
const toLetter = 39; // from behind '9' to 'a'

/** 8 lower-case hex digits of an int32. */
export function writeHex(out: DataView, at: number, value: number): number {
  out.setInt32(at, fourHex(value >>> 16));
  out.setInt32(at + 4, fourHex(value & 0xffff));
  return at + 8;
}

/** The four hex digits of 16 bits as four bytes of text, the first on top. */
function fourHex(value: number): number {
  const pairs = (value | (value << 8)) & 0x00ff00ff;
  const digits = (pairs | (pairs << 4)) & 0x0f0f0f0f;
  const letters = ((digits + 0x06060606) >>> 4) & 0x01010101;
  return digits + 0x30303030 + letters * toLetter;
}

const shortLimit = 1000;
/** Text of the numbers below 1,000 as bytes from the lowest on, their number in the highest byte. */
const shortTexts = Int32Array.from({ length: shortLimit }, (_, value) => {
  const text = String(value);
  return Array.from(text).reduce((sum, digit, i) => sum | (digit.charCodeAt(0) << (8 * i)), text.length << 24);
});

/** As `writeDecimal`, fastest for short numbers; spoils up to 4 bytes behind `at`. */
export function writeShort(out: DataView, bytes: Uint8Array, at: number, value: number): number {
  if (value < 0 || value >= shortLimit) return writeDecimal(bytes, at, value);
  const text = shortTexts[value];
  out.setInt32(at, text, true);
  return at + (text >>> 24);
}

/** Decimal digits of an integer, |value| < 2^31. */
export function writeDecimal(out: Uint8Array, at: number, value: number): number {
  if (value < 0) {
    out[at++] = 45;
    value = -value;
  }
  if (value < 10) {
    out[at] = zero + value;
    return at + 1;
  }
  let digits = 2;
  for (let limit = 100; value >= limit && digits < 10; limit *= 10) digits++;
  for (let i = at + digits - 1; i >= at; i--) {
    const rest = (value / 10) | 0;
    out[i] = zero + (value - 10 * rest);
    value = rest;
  }
  return at + digits;
}

/** The last `digits` decimal digits of a non-negative integer. */
export function writePadded(out: Uint8Array, at: number, value: number, digits: number): number {
  for (let i = digits - 1; i >= 0; i--) {
    const rest = Math.floor(value / 10);
    out[at + i] = zero + (value - 10 * rest);
    value = rest;
  }
  return at + digits;
}

/** A short text of ASCII characters. */
export function writeAscii(out: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) out[at++] = text.charCodeAt(i);
  return at;
}
