import { OutOfMemoryError, UnsupportedError } from "./errors.js";
import type { Numbers } from "./ops/types.js";
import { elements, type ParamSpec, type TableSpec } from "./program.js";
import { nameKey, normals, uniformRow } from "./random.js";

/**
 * Initial values of a dense parameter. A uniform one is row 0 of a table of its name.
 * @throws OutOfMemoryError when they are more than one array can hold
 */
export function initialParameter({ name, shape, init }: ParamSpec, seed: number): Float32Array {
  const values = newValues(name, elements(shape));
  if (init.kind === "uniform") uniformRow(values, seed, nameKey(name), 0, init.bound);
  if (init.kind === "normal") normals(values, seed, nameKey(name), init.deviation);
  return values;
}

function newValues(name: string, count: number): Float32Array {
  try {
    return new Float32Array(count);
  } catch (error) {
    throw new OutOfMemoryError(`Parameter '${name}' has ${count} values, which is more than fits in memory.`, {
      fix: "Use smaller layers.",
      details: { parameter: name, needBytes: 4 * count },
      cause: error,
    });
  }
}

/**
 * Draws the initial values of row `original` of a table into `out` (D values).
 * @returns a function, so that the table's name is hashed once.
 * @throws UnsupportedError for normal tables: only uniform draws are the same in every engine.
 */
export function initialRow({ name, init }: TableSpec, seed: number): (out: Numbers, original: number) => void {
  if (init.kind === "zeros") return (out) => out.fill(0);
  if (init.kind === "normal")
    throw new UnsupportedError(`Table '${name}' cannot start from normal draws.`, {
      fix: "Use a uniform start, or write the values after opening.",
      details: { table: name },
    });
  const key = nameKey(name);
  return (out, original) => uniformRow(out, seed, key, original, init.bound);
}
