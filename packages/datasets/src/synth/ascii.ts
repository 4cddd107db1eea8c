/** Hand-written number output: each function writes at `at` and returns the position behind. */

const zero = 48;
const toLetter = 39; // from behind '9' to 'a'

/** 8 lower-case hex digits of an int32. */
export function writeHex(out: Uint8Array, at: number, value: number): number {
  for (let shift = 28; shift >= 0; shift -= 4) {
    const digit = (value >>> shift) & 15;
    // Without a branch: digits are random, and a wrong guess costs more than the rest of the loop.
    out[at++] = zero + digit + (((9 - digit) >> 31) & toLetter);
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
