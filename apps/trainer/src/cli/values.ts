import { suggestion } from "@fae/core";
import { z } from "zod";

/**
 * Values of options. Each schema takes what the command line gives (text) and what YAML gives (numbers, booleans, text),
 * and its issue message says what was expected: `command.ts` puts option, found and expected into one sentence.
 */
const parsed = <T>(expected: string, parse: (value: unknown) => T | undefined) =>
  z.unknown().transform((value, context): T => {
    const result = parse(value);
    if (result !== undefined) return result;
    context.addIssue({ code: "custom", message: expected });
    return z.NEVER;
  });

const decimal = /^[+-]?(\d+(_\d+)*)?\.?\d*(e[+-]?\d+)?$/i;

function toNumber(value: unknown): number | undefined {
  const isDecimal = typeof value === "string" && /\d/.test(value) && decimal.test(value);
  const plain = isDecimal ? Number(value.replaceAll("_", "")) : value;
  return typeof plain === "number" && Number.isFinite(plain) ? plain : undefined;
}

const countUnits: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9 };

/** A whole number; `10k`, `2M`, `1e6` and `1_000` are understood. */
export const count = (min = 0, max = Number.MAX_SAFE_INTEGER) => {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  return parsed(`a whole number ${range}`, (value) => {
    const match = typeof value === "string" ? /^(.*\d)([kmg])$/i.exec(value) : null;
    const plain = toNumber(match ? match[1] : value);
    if (plain === undefined) return undefined;
    // 2.3M is 2299999.9999999995 in binary: rounding is part of reading the unit.
    const scaled = match ? Math.round(plain * countUnits[match[2].toLowerCase()]) : plain;
    return Number.isSafeInteger(scaled) && scaled >= min && scaled <= max ? scaled : undefined;
  });
};

export interface NumberRange {
  readonly above?: number;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** Any finite number in the range. */
export const number = ({ above, atLeast, atMost }: NumberRange = {}) => {
  const words = [
    above === undefined ? "" : `above ${above}`,
    atLeast === undefined ? "" : `of at least ${atLeast}`,
    atMost === undefined ? "" : `up to ${atMost}`,
  ];
  return parsed(["a number", ...words.filter((word) => word !== "")].join(" "), (value) => {
    const plain = toNumber(value);
    if (plain === undefined || (above !== undefined && plain <= above)) return undefined;
    if ((atLeast !== undefined && plain < atLeast) || (atMost !== undefined && plain > atMost)) return undefined;
    return plain;
  });
};

const byteUnits: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** A number of bytes: `256MiB`, `1.5 GB`, or a plain number. */
export const byteCount = (min = 0) =>
  parsed(`bytes such as 256MiB, 1GB or 1048576${min > 0 ? `, at least ${min}` : ""}`, (value) => {
    const match = /^([\d._]+)\s*([a-z]*)$/i.exec(String(value).trim());
    const unit = match ? byteUnits[match[2].toLowerCase()] : undefined;
    const plain = match ? toNumber(match[1]) : undefined;
    if (unit === undefined || plain === undefined) return undefined;
    const bytes = Math.round(plain * unit);
    return Number.isSafeInteger(bytes) && bytes >= min ? bytes : undefined;
  });

/** One of a few words. */
export const choice = <const W extends string>(words: readonly W[]) =>
  z.unknown().transform((value, context): W => {
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    const text = String(value);
    context.addIssue({ code: "custom", message: `one of ${words.join(", ")}. ${suggestion(text, words)}` });
    return z.NEVER;
  });

/** Any text that is not empty. */
export const text = () =>
  parsed("some text", (value) => (typeof value === "string" && value !== "" ? value : undefined));

/** On or off; absent is off. */
export const flag = () =>
  parsed("true or false", (value) => (typeof value === "boolean" ? value : undefined)).default(false);

/** Several numbers, as `4,64,16` or a YAML list. */
export const counts = (min = 0) =>
  parsed(`whole numbers of at least ${min} with commas between`, (value) => {
    const parts = Array.isArray(value) ? value : String(value).split(",");
    const numbers = parts.map((part) => count(min).safeParse(typeof part === "string" ? part.trim() : part).data);
    return numbers.every((n) => n !== undefined) ? (numbers as number[]) : undefined;
  });
