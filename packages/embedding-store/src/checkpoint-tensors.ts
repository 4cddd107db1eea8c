import { open } from "node:fs/promises";
import { DataError, elements, type OptimizerName, optimizers, type Program, type StateSlot } from "@fae/core";
import { emptyInverse, inverseOrder, placeInverse } from "./popularity.js";

/** A table's or parameter's session name with its shape in a file. */
export interface TensorShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** `original[id]` of a table in popularity order: as an array, or the path of a file of little-endian uint32. */
export type OriginalIds = Uint32Array | string;

const stateOf = (name: string, slots: readonly StateSlot[], shape: readonly number[]): TensorShape[] =>
  slots.map((slot) => ({
    name: `${name}#${slot.name}`,
    shape: slot.perRow === 0 ? shape : [shape[0], slot.perRow],
  }));

/** Per table: its rows and, behind them, its optimizer state. */
export const tableTensors = (program: Program, optimizer: OptimizerName): TensorShape[][] =>
  program.tables.map(({ name, rows }) => {
    const shape = [rows, program.width];
    return [{ name, shape }, ...stateOf(name, optimizers[optimizer].rowSlots, shape)];
  });

/** All dense parameters with their optimizer state. */
export const denseTensors = (program: Program, optimizer: OptimizerName): TensorShape[] =>
  program.params.flatMap(({ name, shape }) => [
    { name, shape },
    ...stateOf(name, optimizers[optimizer].denseSlots, shape),
  ]);

/** Rows `[from, to)` of a table in original ids, cut so that a part's values have about `chunkBytes`. */
export function* rowParts(shape: readonly number[], chunkBytes: number): Generator<{ from: number; to: number }> {
  const [rows] = shape;
  const perPart = Math.max(1, Math.floor(chunkBytes / (4 * elements(shape.slice(1)))));
  for (let from = 0; from < rows; from += perPart) yield { from, to: Math.min(rows, from + perPart) };
}

/** Session rows of original ids `[from, to)`. */
export function sessionRows(inverse: Uint32Array | null, from: number, to: number): Uint32Array {
  if (inverse !== null) return inverse.subarray(from, to);
  const rows = new Uint32Array(to - from);
  for (let i = 0; i < rows.length; i++) rows[i] = from + i;
  return rows;
}

/**
 * Session row of every original id; null when they are the same. A file is read in parts: 4 bytes per row in memory.
 * @throws DataError when the order has another number of rows or is no permutation.
 */
export async function inverseOf(
  original: OriginalIds | undefined,
  table: { readonly name: string; readonly rows: number },
): Promise<Uint32Array | null> {
  if (original === undefined) return null;
  if (typeof original !== "string") {
    expectRows(table, original.length, "given");
    return inverseOrder(original);
  }
  const file = await open(original, "r");
  try {
    expectRows(table, (await file.stat()).size / 4, `in '${original}'`);
    const inverse = emptyInverse(table.rows);
    const part = new Uint32Array(1 << 20);
    for (let from = 0; from < table.rows; ) {
      const { bytesRead } = await file.read(part, 0, part.byteLength, 4 * from);
      if (bytesRead < 4) expectRows(table, from, `readable in '${original}'`);
      placeInverse(inverse, part.subarray(0, Math.floor(bytesRead / 4)), from);
      from += Math.floor(bytesRead / 4);
    }
    return inverse;
  } finally {
    await file.close();
  }
}

/** Name of the tensor with the original ids of the rows that a checkpoint of changed rows has of a table. */
export const idsTensor = (table: string): string => `${table}#ids`;

/** Name of the tensor with the raw keys of a table of the data set, in the order of original ids. */
export const keysTensor = (table: string): string => `keys#${table}`;

/** @throws DataError when an order does not have the rows of its table. */
export function expectRows(
  table: { readonly name: string; readonly rows: number },
  found: number,
  where: string,
): void {
  if (found === table.rows) return;
  throw new DataError(`Table '${table.name}' has ${table.rows} rows, but the original ids ${where} are ${found}.`, {
    fix: "Use the pack that the run was started with.",
    details: { table: table.name, found, expected: table.rows },
  });
}
