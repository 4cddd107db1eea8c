/**
 * Reads values of unknown type into plain copies: each property of the caller's objects is looked at once, and what comes out is
 * owned, of the right types, and does not change when the caller's objects do.
 */
import { ConfigError } from "./errors.js";

/** @throws ConfigError naming `path`, what was expected and what was found. */
export type Read<T> = (value: unknown, path: string) => T;

/** A value as messages show it. */
function show(value: unknown): string {
  if (typeof value === "string") return value.length > 60 ? `'${value.slice(0, 60)}...'` : `'${value}'`;
  if (value === null || typeof value === "number" || typeof value === "boolean" || typeof value === "undefined")
    return `${value}`;
  if (typeof value === "object") return Array.isArray(value) ? "an array" : "an object";
  return `a ${typeof value}`;
}

function wrong(path: string, expected: string, value: unknown): never {
  const found = show(value);
  throw new ConfigError(`'${path}' must be ${expected}, found ${found}.`, {
    fix: "Correct the value.",
    details: { option: path, expected, found },
  });
}

const lone = /\p{Surrogate}/u;

/** Engines and files hold text as UTF-8 that ends at the first NUL: what that would change is refused. */
export const text: Read<string> = (value, path) => {
  if (typeof value !== "string") wrong(path, "a string", value);
  if (value.includes("\0") || lone.test(value)) wrong(path, "text without NUL and unpaired surrogates", value);
  return value;
};

export const number: Read<number> = (value, path) =>
  typeof value === "number" ? value : wrong(path, "a number", value);

/** A number that float32 can hold. */
export const finite: Read<number> = (value, path) =>
  typeof value === "number" && Number.isFinite(Math.fround(value)) ? value : wrong(path, "a finite number", value);

export const boolean: Read<boolean> = (value, path) =>
  typeof value === "boolean" ? value : wrong(path, "true or false", value);

export const whole =
  (least: number, most: number): Read<number> =>
  (value, path) =>
    typeof value === "number" && Number.isInteger(value) && value >= least && value <= most
      ? value + 0
      : wrong(path, `an integer from ${least} to ${most}`, value);

/** Largest size of an axis, of a stride in words, of a batch: engines count them in 31 bits. */
export const largestSize = 2 ** 31 - 1;

export const size = whole(0, largestSize);

/** A seed, an epoch: 32 bits. */
export const word = whole(0, 0xffffffff);

export const choice =
  <T extends string>(...names: readonly T[]): Read<T> =>
  (value, path) =>
    names.includes(value as T) ? (value as T) : wrong(path, `one of ${names.join(", ")}`, value);

export const optional =
  <T>(read: Read<T>): Read<T | undefined> =>
  (value, path) =>
    value === undefined ? undefined : read(value, path);

export const listOf =
  <T>(item: Read<T>): Read<T[]> =>
  (value, path) =>
    Array.isArray(value) ? Array.from(value, (each, i) => item(each, `${path}[${i}]`)) : wrong(path, "an array", value);

/** A typed array of exactly this kind, not copied: who takes it copies it. */
export const typed =
  <T extends Uint32Array | Float32Array>(kind: T extends Uint32Array ? "Uint32Array" : "Float32Array"): Read<T> =>
  (value, path) =>
    ArrayBuffer.isView(value) && (value as unknown as T)[Symbol.toStringTag] === kind
      ? (value as unknown as T)
      : wrong(path, `a ${kind}`, value);

const members = (value: unknown, path: string): object =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value : wrong(path, "an object", value);

/** Values by name. Without a prototype: `__proto__` is a name like others. */
export const recordOf =
  <T>(item: Read<T>): Read<Record<string, T>> =>
  (value, path) => {
    const read: Record<string, T> = Object.create(null);
    for (const [name, each] of Object.entries(members(value, path)))
      read[text(name, path)] = item(each, `${path}.${name}`);
    return read;
  };

type Fields<T> = { readonly [K in keyof T]-?: Read<T[K]> };

/** An object of known fields; others are left out. Fields that are undefined are left out too. */
export const object =
  <T extends object>(fields: Fields<T>): Read<T> =>
  (value, path) => {
    const given = members(value, path) as Partial<Record<keyof T, unknown>>;
    const read: Partial<T> = {};
    for (const name of Object.keys(fields) as (keyof T & string)[]) {
      const field = fields[name](given[name], path === "" ? name : `${path}.${name}`);
      if (field !== undefined) read[name] = field;
    }
    return read as T;
  };
