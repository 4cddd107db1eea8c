import type { LogSchema } from "./log-schema.js";
import { decimalOf } from "./numbers.js";
import { textOf } from "./row-block.js";

/** How to read a label: 1 or 0, -1 for a text that is neither. */
export function labelReader({ positive, negative, at_least: bound }: LogSchema["label"]) {
  if (positive) {
    const isPositive = new Set(positive);
    const isNegative = negative && new Set(negative);
    return (bytes: Uint8Array, start: number, end: number): number => {
      const text = textOf(bytes, start, end);
      if (isPositive.has(text)) return 1;
      return !isNegative || isNegative.has(text) ? 0 : -1;
    };
  }
  if (bound !== undefined) {
    return (bytes: Uint8Array, start: number, end: number): number => {
      const value = decimalOf(bytes, start, end);
      if (Number.isNaN(value)) return -1;
      return value >= bound ? 1 : 0;
    };
  }
  return (bytes: Uint8Array, start: number, end: number): number => {
    if (end - start === 1 && (bytes[start] | 1) === 49) return bytes[start] - 48;
    const value = decimalOf(bytes, start, end);
    if (value === 0 || value === 1) return value;
    const text = textOf(bytes, start, end).toLowerCase();
    if (text === "true") return 1;
    return text === "false" ? 0 : -1;
  };
}
