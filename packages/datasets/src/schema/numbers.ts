import { textOf } from "./row-block.js";

const powers = Array.from({ length: 23 }, (_, i) => 10 ** i);

/** Number that `bytes[start, end)` write in decimal, to the bit as `Number` reads it; NaN for any other text. */
export function decimalOf(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  const isNegative = bytes[at] === 45;
  if (isNegative || bytes[at] === 43) at++;
  let value = 0;
  let digits = 0;
  let point = -1;
  for (; at < end; at++) {
    const byte = bytes[at];
    if (byte >= 48 && byte <= 57) {
      value = value * 10 + (byte - 48);
      digits++;
    } else if (byte === 46 && point < 0) point = digits;
    else break;
  }
  const decimals = point < 0 ? 0 : digits - point;
  // Up to 15 digits and 22 decimals both numbers are exact, so that the quotient is rounded once.
  if (at === end && digits > 0 && digits <= 15 && decimals <= 22) {
    const size = decimals === 0 ? value : value / powers[decimals];
    return isNegative ? -size : size;
  }
  const text = textOf(bytes, start, end);
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : nonFinite(text);
}

/** An infinite number by its name; NaN for any other text, "nan" too. */
function nonFinite(text: string): number {
  const found = /^([+-]?)inf(?:inity)?$/i.exec(text);
  if (!found) return Number.NaN;
  return found[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57;

/**
 * The part of `bytes[start, end)` that is an integer of any width in its one form (no plus, no leading zeros, `-0` is `0`,
 * `7.0` is `7`): first byte and the byte after it in `out`. False when the text is not an integer.
 */
export function integerText(bytes: Uint8Array, start: number, end: number, out: Int32Array): boolean {
  let at = start;
  const isNegative = bytes[at] === 45;
  if (isNegative || bytes[at] === 43) at++;
  const first = at;
  while (at < end && isDigit(bytes[at])) at++;
  if (at === first) return false;
  const stop = at;
  if (at < end && bytes[at] === 46) {
    do at++;
    while (at < end && bytes[at] === 48);
  }
  if (at < end) return false;
  let from = first;
  while (from < stop - 1 && bytes[from] === 48) from++;
  const isZero = stop - from === 1 && bytes[from] === 48;
  if (isNegative && !isZero) {
    if (from > first) return false; // -007: the sign does not stand before the digits
    from--;
  }
  out[0] = from;
  out[1] = stop;
  return true;
}
