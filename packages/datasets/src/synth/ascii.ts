/** Hand-written number output: each function writes at `at` and returns the position behind. */

const zero = 48;
const letterOffset = 87; // 'a' - 10

/** 8 lower-case hex digits of an int32. */
export function writeHex(out: Uint8Array, at: number, value: number): number {
  for (let shift = 28; shift >= 0; shift -= 4) {
    const digit = (value >>> shift) & 15;
    out[at++] = digit + (digit < 10 ? zero : letterOffset);
  }
  return at;
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
  return writePadded(out, at, value, digits);
}

/** The last `digits` decimal digits of an integer in [0, 2^32). */
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
