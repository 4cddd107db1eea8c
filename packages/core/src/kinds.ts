import { suggestion } from "./nearest.js";

/** What is wrong with a value, and where in it. */
export interface Fault {
  /** e.g. `seed`, `series.perUser`, `files[2]`. */
  readonly option: string;
  readonly found: unknown;
  /** Completes "expected ...". */
  readonly expected: string;
  /** Completes the message of an option that is not known. */
  readonly hint?: string;
}

/** What is expected of an option that is not known. */
export const noSuchOption = "no such option";

/** A check of one value; `option` is its name in messages. */
export type Kind = (value: unknown, option: string) => Fault | undefined;

/** A kind for every option of `T`, optional ones too. */
export type Shape<T> = { readonly [K in keyof Required<T>]: Kind };

const kind =
  (expected: string, accepts: (value: unknown) => boolean): Kind =>
  (found, option) =>
    accepts(found) ? undefined : { option, found, expected };

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function faultOf(value: Readonly<Record<string, unknown>>, shape: Readonly<Record<string, Kind>>, within: string) {
  for (const [key, check] of Object.entries(shape)) {
    const fault = check(value[key], `${within}${key}`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function unknownKey(value: object, known: readonly string[], within: string): Fault | undefined {
  const key = Object.keys(value).find((name) => !known.includes(name));
  if (key === undefined) return undefined;
  const hint = suggestion(key, known);
  return {
    option: `${within}${key}`,
    found: (value as Record<string, unknown>)[key],
    expected: noSuchOption,
    hint,
  };
}

const built = (type: string): Kind =>
  kind(
    `${/^[AEIOU]/.test(type) ? "an" : "a"} ${type}`,
    (value) => Object.prototype.toString.call(value) === `[object ${type}]`,
  );

const range = (least: number, most: number): string =>
  most === Number.MAX_SAFE_INTEGER ? `a whole number of at least ${least}` : `a whole number from ${least} to ${most}`;

/** Kinds of values that options take. None accepts `undefined` but `maybe`. */
export const is = {
  text: kind("some text", (value) => typeof value === "string" && value !== ""),
  flag: kind("true or false", (value) => typeof value === "boolean"),
  call: kind("a function", (value) => typeof value === "function"),
  whole: (least = 0, most: number = Number.MAX_SAFE_INTEGER): Kind =>
    kind(range(least, most), (value) => Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most),
  /** Finite numbers of a range that holds its ends, or not `above`. */
  number: (expected: string, accepts: (value: number) => boolean = () => true): Kind =>
    kind(expected, (value) => typeof value === "number" && Number.isFinite(value) && accepts(value)),
  oneOf:
    (words: readonly string[]): Kind =>
    (found, option) =>
      words.includes(found as string)
        ? undefined
        : { option, found, expected: `one of ${words.join(", ")}`, hint: meant(found, words) },
  any: (() => undefined) as Kind,
  /** An object of a built-in class, by its name: those of another realm, as test runners have, count too. */
  a: built,
  signal: built("AbortSignal"),
  list:
    (of: Kind, least = 0): Kind =>
    (found, option) => {
      if (!Array.isArray(found) || found.length < least)
        return { option, found, expected: least > 0 ? "a list that is not empty" : "a list" };
      for (let i = 0; i < found.length; i++) {
        const fault = of(found[i], `${option}[${i}]`);
        if (fault !== undefined) return fault;
      }
      return undefined;
    },
  /** An object of these options and no other. */
  options:
    <T>(shape: Shape<T>): Kind =>
    (found, option) =>
      isObject(found)
        ? (unknownKey(found, Object.keys(shape), `${option}.`) ?? faultOf(found, shape, `${option}.`))
        : { option, found, expected: "an object of options" },
  /** An object that has these fields, and may have others: what another call returned. */
  having:
    (what: string, shape: Readonly<Record<string, Kind>> = {}): Kind =>
    (found, option) =>
      isObject(found) ? faultOf(found, shape, `${option}.`) : { option, found, expected: what },
  /** What another check accepts. @param problem null: nothing is wrong with the value */
  matching:
    (what: string, problem: (value: unknown) => string | null): Kind =>
    (found, option) => {
      const why = problem(found);
      return why === null ? undefined : { option, found, expected: `${what}: ${why}` };
    },
  maybe:
    (of: Kind): Kind =>
    (found, option) =>
      found === undefined ? undefined : of(found, option),
  orNull:
    (of: Kind): Kind =>
    (found, option) => {
      const fault = found === null ? undefined : of(found, option);
      return fault && fault.option === option ? { ...fault, expected: `${fault.expected}, or null` } : fault;
    },
  either:
    (first: Kind, second: Kind): Kind =>
    (found, option) => {
      const fault = first(found, option);
      const other = fault && second(found, option);
      return fault && other ? { ...other, expected: `${fault.expected}, or ${other.expected}` } : undefined;
    },
} as const;

/** Nothing for a value that is no text, or resembles none of the words. */
function meant(found: unknown, words: readonly string[]): string {
  const hint = typeof found === "string" ? suggestion(found, words) : "";
  return hint.startsWith("Did") ? hint : "";
}
